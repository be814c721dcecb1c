# Reference values for recurrent events with a terminal event: Rscript recurrent.R, in this folder, with survival, MASS, jsonlite.
library(survival)
library(MASS)
library(jsonlite)

d <- read.csv("recurrent.csv")
out <- list(versions = list(survival = as.character(packageVersion("survival")), MASS = as.character(packageVersion("MASS"))))
at <- c(1, 2, 3, 4)
out$at <- at

# Ghosh and Lin's mean function from survfit's pieces: survival just before each episode times the increments of the cumulative
# rate; its influence from theirs by the product rule.
last <- d[!duplicated(d$id, fromLast = TRUE), ]
mcf <- function(rows, ends) {
  rate <- survfit(Surv(start, stop, event == 1) ~ 1, data = rows, id = id, influence = 3, robust = TRUE)
  life <- survfit(Surv(stop, event == 2) ~ 1, data = ends, id = id, influence = 1, robust = TRUE)
  grid <- rate$time
  before <- sapply(grid, function(t) { k <- sum(life$time < t); if (k == 0) 1 else life$surv[k] })
  lives <- sapply(grid, function(t) { k <- sum(life$time < t); if (k == 0) rep(0, nrow(ends)) else life$influence.surv[, k] })
  step <- diff(c(0, rate$cumhaz))
  of_rate <- t(apply(cbind(0, rate$influence.chaz), 1, diff))
  influence <- sweep(of_rate, 2, before, "*") + sweep(lives, 2, step, "*")
  cumulated <- t(apply(influence, 1, cumsum))
  k <- sapply(at, function(t) sum(grid <= t))
  list(mean = cumsum(before * step)[k], se = sqrt(colSums(cumulated[, k]^2)))
}
out$mean_function <- lapply(split(seq_len(nrow(d)), d$group), function(rows) {
  part <- d[rows, ]
  mcf(part, part[!duplicated(part$id, fromLast = TRUE), ])
})

# Andersen-Gill with the sandwich over patients, one baseline and one for each site, Breslow's ties.
ag <- function(formula) {
  fit <- coxph(formula, data = d, cluster = id, ties = "breslow", control = coxph.control(eps = 1e-11, toler.chol = 1e-13, iter.max = 50))
  list(coefficients = unname(coef(fit)), se = unname(sqrt(diag(vcov(fit)))))
}
out$andersen_gill <- ag(Surv(start, stop, event == 1) ~ factor(group))
out$andersen_gill_by_site <- ag(Surv(start, stop, event == 1) ~ factor(group) + strata(site))

# Negative binomial.
person <- transform(last, count = as.vector(table(factor(d$id[d$event == 1], levels = last$id))))
nb <- function(formula) {
  fit <- glm.nb(formula, data = person, control = glm.control(epsilon = 1e-14, maxit = 200))
  list(coefficients = unname(coef(fit)), se = unname(sqrt(diag(vcov(fit)))), phi = 1 / fit$theta)
}
out$negative_binomial <- nb(count ~ factor(group) + offset(log(stop)))
out$negative_binomial_by_site <- nb(count ~ 0 + factor(site) + factor(group) + offset(log(stop)))
write(toJSON(out, digits = 15, auto_unbox = TRUE, pretty = TRUE), "recurrent.json")
