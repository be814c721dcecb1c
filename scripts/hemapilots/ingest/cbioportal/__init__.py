"""cBioPortal study folders: clinical tables of patients and samples, mutations, gene panels."""
