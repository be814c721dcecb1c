# Reference values for tests of proportional hazards: Rscript proportionality.R, in this folder, with survival, jsonlite. Data: log_rank.csv.
library(survival)
library(jsonlite)

d <- read.csv("log_rank.csv")
d$second <- as.integer(d$group == 1)
d$third <- as.integer(d$group == 2)
values <- function(fit, transform) {
  z <- cox.zph(fit, transform = transform, terms = FALSE)$table
  list(chisq = unname(z[, "chisq"]), p = unname(z[, "p"]))
}
out <- list(versions = list(survival = as.character(packageVersion("survival"))))
for (ties in c("efron", "breslow")) {
  fit <- coxph(Surv(time, event) ~ second + third + entry + strata(site), data = d, ties = ties, control = coxph.control(eps = 1e-14, iter.max = 50))
  out[[ties]] <- list(time = values(fit, "identity"), log = values(fit, log))
}
write(toJSON(out, digits = NA, auto_unbox = TRUE, pretty = TRUE), "proportionality.json")
