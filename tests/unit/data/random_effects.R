# Random-effects meta-analyses by metafor, kept as random_effects.json: Rscript tests/unit/data/random_effects.R
# REML; adhoc: Hartung and Knapp with a variance factor of at least 1.
library(metafor)
library(jsonlite)
sets <- list(
  apart = list(y = c(0.62, 1.31, 0.85, 0.12, 1.02, 0.44), v = c(0.04, 0.09, 0.02, 0.05, 0.12, 0.03)),
  alike = list(y = c(0.50, 0.52, 0.47, 0.55, 0.49), v = c(0.02, 0.03, 0.01, 0.05, 0.04)),
  four = list(y = c(-0.30, 0.10, 0.45, 0.05), v = c(0.02, 0.01, 0.03, 0.02))
)
out <- lapply(sets, function(s) {
  fit <- rma(yi = s$y, vi = s$v, method = "REML", test = "adhoc", control = list(threshold = 1e-12, maxiter = 10000))
  ahead <- predict(fit)  # with k - 1 degrees of freedom
  c(s, list(estimate = as.numeric(fit$beta), lower = fit$ci.lb, upper = fit$ci.ub, tau2 = fit$tau2,
            predicted_lower = ahead$pi.lb, predicted_upper = ahead$pi.ub))
})
versions <- list(R = as.character(getRversion()), metafor = as.character(packageVersion("metafor")))
write_json(list(versions = versions, sets = out), "tests/unit/data/random_effects.json", auto_unbox = TRUE, digits = 12, pretty = TRUE)
