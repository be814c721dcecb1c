# Reference values for Fine-Gray regression stratified by site: Rscript fine_gray.R, in this folder, with survival and jsonlite.
# Two cohorts: competing.csv (generated), and mgus2 of the survival package with three sites dealt by row number.
library(survival)
library(jsonlite)

exactly <- coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 50)
fitted <- function(d, covariates, ties, at, patient, stratified = TRUE) {
  d$state <- factor(d$event, 0:2, c("censored", "event", "competing"))
  d$id <- seq_len(nrow(d))
  terms <- paste(covariates, collapse = " + ")
  strata <- if (stratified) "+ strata(site)" else ""
  weighted <- finegray(as.formula(paste("Surv(time, state) ~", terms, "+ id +", if (stratified) "site" else "1", strata)), data = d)
  fit <- coxph(as.formula(paste("Surv(fgstart, fgstop, fgstatus) ~", terms, strata)), data = weighted,
               weights = fgwt, cluster = id, ties = ties, control = exactly)
  curve <- survfit(fit, newdata = patient, se.fit = FALSE)
  incidence <- matrix(1 - summary(curve, times = at, extend = TRUE)$surv, ncol = length(at), byrow = TRUE)
  list(coefficients = unname(coef(fit)), robust = unname(sqrt(diag(fit$var))), model_based = unname(sqrt(diag(fit$naive.var))),
       loglik = fit$loglik[2], at = at, incidence = incidence)
}

generated <- read.csv("competing.csv")
out <- list(version = as.character(packageVersion("survival")))
for (ties in c("efron", "breslow")) {
  out[[paste0("generated_", ties)]] <- fitted(generated, c("x1", "x2"), ties, c(1, 2, 4, 6), data.frame(x1 = 0.5, x2 = 1))
}
out$generated_pooled <- fitted(generated, c("x1", "x2"), "efron", c(1, 2, 4, 6), data.frame(x1 = 0.5, x2 = 1), stratified = FALSE)

mgus <- with(mgus2, data.frame(site = seq_len(nrow(mgus2)) %% 3, time = ifelse(pstat == 1, ptime, futime),
                               event = ifelse(pstat == 1, 1, 2 * death), age = age, male = as.integer(sex == "M"), mspike = mspike))
mgus <- mgus[!is.na(mgus$mspike), ]
for (ties in c("efron", "breslow")) {
  out[[paste0("mgus2_", ties)]] <- fitted(mgus, c("age", "male", "mspike"), ties, c(60, 120, 240),
                                          data.frame(age = 70, male = 1, mspike = 1.5))
}
write(toJSON(out, digits = 15, auto_unbox = TRUE, pretty = TRUE), "fine_gray.json")
