from job import job

with job(snakemake):
    from hemapilots.protocol import freeze

    freeze(snakemake.params.protocol, snakemake.output[0])
