# Reference values for calibration and net benefit: Rscript calibration.R, in this folder, with survival, prodlim, jsonlite.
library(survival)
library(prodlim)
library(jsonlite)

d <- read.csv("competing.csv")
# prodlim predicts for patients in this order.
d <- d[order(d$time, d$event == 0), ]
t <- 2
out <- list(versions = list(survival = as.character(packageVersion("survival")), prodlim = as.character(packageVersion("prodlim"))), at = t)

# Inverse probability of censoring weights with events before censorings at a tied time.
g <- prodlim(Hist(time, event) ~ 1, data = d, reverse = TRUE)
before <- predictSurvIndividual(g, lag = 1)
weight <- ifelse(d$event != 0 & d$time <= t, 1 / before, ifelse(d$time > t, 1 / predict(g, times = t), 0))
y <- as.numeric(d$event == 1 & d$time <= t)
cll <- log(-log(1 - d$risk))
control <- glm.control(epsilon = 1e-14, maxit = 100)
link <- quasibinomial(link = "cloglog")
out$intercept <- unname(coef(glm(y ~ 1 + offset(cll), family = link, weights = weight, control = control)))
out$slope <- unname(coef(glm(y ~ cll, family = link, weights = weight, control = control)))[2]

# Natural cubic spline with knots at the 10th, 50th and 90th percentile; ICI, E50, E90.
k <- unname(quantile(cll, c(0.1, 0.5, 0.9)))
cube <- function(x) pmax(x, 0)^3
bend <- (cube(cll - k[1]) - cube(cll - k[2]) * (k[3] - k[1]) / (k[3] - k[2]) + cube(cll - k[3]) * (k[2] - k[1]) / (k[3] - k[2])) / (k[3] - k[1])^2
smooth <- glm(y ~ cll + bend, family = link, weights = weight, control = control)
apart <- abs(fitted(smooth) - d$risk)
out$ici <- mean(apart)
out$e50 <- unname(quantile(apart, 0.5, type = 1))
out$e90 <- unname(quantile(apart, 0.9, type = 1))

# Net benefit, Aalen-Johansen among those acted upon; and Kaplan-Meier where the competing event censors.
state <- factor(d$event, 0:2, c("censored", "event", "competing"))
incidence <- function(group) summary(survfit(Surv(time, state) ~ 1, data = cbind(d, state = state)[group, ]), times = t)$pstate[, 2]
plain <- function(group) 1 - summary(survfit(Surv(time, event == 1) ~ 1, data = d[group, ]), times = t)$surv
out$thresholds <- c(0.05, 0.1, 0.15, 0.2)
benefit <- function(q, r, below) {
  group <- if (below) d$risk < q else d$risk >= q
  x <- mean(group)
  if (below) x * (1 - r(group)) - x * r(group) * (1 - q) / q else x * r(group) - x * (1 - r(group)) * q / (1 - q)
}
out$above <- sapply(out$thresholds, benefit, r = incidence, below = FALSE)
out$below <- sapply(out$thresholds, benefit, r = incidence, below = TRUE)
out$above_plain <- sapply(out$thresholds, benefit, r = plain, below = FALSE)
out$observed <- incidence(rep(TRUE, nrow(d)))
write(toJSON(out, digits = 15, auto_unbox = TRUE, pretty = TRUE), "calibration.json")
