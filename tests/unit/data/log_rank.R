# Reference values for log-rank tests: Rscript log_rank.R, in this folder, with survival, jsonlite. Also writes log_rank.csv.
library(survival)
library(jsonlite)

set.seed(4)
n <- 240
d <- data.frame(site = sample(c("east", "north", "west"), n, TRUE), group = sample(0:2, n, TRUE))
untied <- rexp(n, 0.3 * exp(0.3 * d$group)) + 0.01
censoring <- runif(n, 0.2, 8)
d$event <- as.integer(untied <= censoring)
d$untied <- pmin(untied, censoring)
d$time <- ceiling(d$untied * 6) / 6
d$entry <- ifelse(runif(n) < 0.5, 0, d$untied * runif(n) * 0.8)
write.csv(format(d, digits = 17), "log_rank.csv", row.names = FALSE, quote = FALSE)
d <- read.csv("log_rank.csv")

s <- survdiff(Surv(time, event) ~ group + strata(site), data = d)
sites <- survdiff(Surv(time, event) ~ site, data = d)
late <- coxph(Surv(entry, untied, event) ~ factor(group) + strata(site), data = d, ties = "breslow")
out <- list(
  versions = list(survival = as.character(packageVersion("survival"))),
  stratified = list(difference = rowSums(s$obs) - rowSums(s$exp), variance = s$var, chisq = s$chisq),
  sites = list(chisq = sites$chisq),
  late = late$score
)
write(toJSON(out, digits = NA, auto_unbox = TRUE, pretty = TRUE), "log_rank.json")
