from job import job

with job(snakemake):
    from hemapilots.dictionary import write_dictionary

    write_dictionary(snakemake.params.use_case, snakemake.output[0])
