# Reference values for competing events and late entry: Rscript competing.R, in this folder, with survival, riskRegression, pec, jsonlite.
library(survival)
library(riskRegression)
library(prodlim)
library(pec)
library(jsonlite)

d <- read.csv("competing.csv")
at <- c(1, 2, 4, 6)
out <- list(versions = list(survival = as.character(packageVersion("survival")),
                            riskRegression = as.character(packageVersion("riskRegression")),
                            pec = as.character(packageVersion("pec"))), at = at)

# Aalen-Johansen.
state <- factor(d$event, 0:2, c("censored", "event", "competing"))
aj <- summary(survfit(Surv(time, state) ~ 1, data = d), times = at)
out$aalen_johansen <- list(event = aj$pstate[, 2], competing = aj$pstate[, 3],
                           event_se = aj$std.err[, 2], competing_se = aj$std.err[, 3])

# Cause-specific Cox with late entry and a baseline per site, Efron.
cause <- function(code) {
  fit <- coxph(Surv(entry, time, event == code) ~ x1 + x2 + strata(site), data = d, ties = "efron",
               control = coxph.control(eps = 1e-13, iter.max = 50))
  list(coefficients = unname(coef(fit)), se = unname(sqrt(diag(vcov(fit)))))
}
out$late_cause_1 <- cause(1)
out$late_cause_2 <- cause(2)

# Probability of no event between entry 1 and 1 + t, one baseline, x1 = 0.5 and x2 = 1.
late <- coxph(Surv(entry, time, event == 1) ~ x1 + x2, data = d, ties = "efron", control = coxph.control(eps = 1e-13, iter.max = 50))
curve <- survfit(late, newdata = data.frame(x1 = 0.5, x2 = 1))
out$late_survival <- list(coefficients = unname(coef(late)), times = curve$time, survival = curve$surv)

# Cumulative incidence from both cause-specific models, x1 = 0.5 and x2 = 1, no late entry.
both <- coxph(Surv(time, state) ~ x1 + x2, data = transform(d, id = seq_len(nrow(d)), state = state), id = id, ties = "breslow",
              control = coxph.control(eps = 1e-13, iter.max = 50))
joint <- survfit(both, newdata = data.frame(x1 = 0.5, x2 = 1))
out$incidence <- list(coefficients = matrix(coef(both), 2), times = joint$time, event = joint$pstate[, 1, 2])

# Concordance: who had the competing event stays at risk for ever (Wolbers).
forever <- transform(d, time = ifelse(event == 2, 1000, time), event = as.integer(event == 1))
out$harrell <- unname(concordance(Surv(time, event) ~ risk, data = forever, reverse = TRUE)$concordance)
# Inverse probability of censoring, marginal; the pairs with a competing event weighed as by Wolbers et al. 2014. Truncated at 5.
# Without tied times, which pec counts otherwise.
apart <- transform(d, time = time + seq_len(nrow(d)) * 1e-5)
c5 <- cindex(list(m = matrix(d$risk, ncol = 1)), formula = Hist(time, event) ~ 1, data = apart, cause = 1, eval.times = 5,
             cens.model = "marginal", verbose = FALSE)
out$uno_5 <- unname(c5$AppCindex$m)

score <- Score(list(m = matrix(rep(d$risk, length(at)), ncol = length(at))), formula = Hist(time, event) ~ 1, data = d, cause = 1,
               times = at, cens.model = "km", metrics = c("auc", "brier"), null.model = TRUE, conf.int = FALSE)
out$auc <- score$AUC$score$AUC
out$brier <- score$Brier$score[model == "m"]$Brier
out$brier_null <- score$Brier$score[model != "m"]$Brier
write(toJSON(out, digits = 15, auto_unbox = TRUE, pretty = TRUE), "competing.json")
