// Runs a dataset in parts. Each task is one part.
//
//   nextflow run main.nf --pipeline pipeline.yaml --data data --out out --parts 8

// A word of the shell, whatever is in it.
def quoted(text) {
    return "'" + text.toString().replace("'", "'\\''") + "'"
}

// Tasks run in folders of their own, so paths are absolute.
def place(name, value) {
    if (!value) {
        error "missing --${name}"
    }
    return quoted(file(value).toAbsolutePath())
}

process part {
    tag "${number}/${parts}"

    input:
    val number
    val parts
    val pipeline
    val data
    val out

    output:
    val number

    script:
    // The rest of the memory is for the program itself and the file cache.
    def memory = task.memory ? "--memory ${task.memory.toMega().intdiv(5) * 4}M" : ''
    """
    ${params.revoxel} run ${pipeline} --data ${data} --out ${out} --shard ${number}/${parts} \
      --resume --keep-going --retries 2 --jobs ${task.cpus} --threads ${task.cpus} ${memory}
    """
}

process status {
    debug true

    input:
    val ended
    val out

    script:
    """
    status=0
    ${params.revoxel} status ${out} || status=\$?
    ${params.revoxel} verify ${out}
    exit \$status
    """
}

workflow {
    def pipeline = place('pipeline', params.pipeline)
    def data = place('data', params.data)
    def out = place('out', params.out)
    def parts = params.parts as int
    numbers = channel.of(1..parts)
    ended = part(numbers, parts, pipeline, data, out)
    // Parts that failed are missing here; the status names their cases, and fails.
    status(ended.collect().ifEmpty([]), out)
}
