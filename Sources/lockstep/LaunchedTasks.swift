import Diagnostics

/// What `mpirun`, `srun` and the like tell each process that they start about the others.
package enum LaunchedTasks {
  /// Variables with the number of processes, from the innermost launcher that may have set one to the outermost: if
  /// `mpirun` starts its helpers with `srun`, Slurm's numbers are those of the helpers.
  ///
  /// `SLURM_NTASKS` is not among them: a script of `sbatch` has it too, and runs once.
  private static let sizes: [String] = [
    "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS",
  ]
  /// Variables with the number of this process; if it is not 0, there is more than one process.
  private static let ranks = ["PMIX_RANK", "SLURM_PROCID"]

  /// - Throws: `UserError(.usage)` if this process is one of several, each of which would do the same work.
  package static func requireOne(environment: [String: String]) throws(UserError) {
    var found: (name: String, tasks: String)?
    if let name = sizes.first(where: { environment[$0].flatMap { Int($0) } != nil }) {
      let count = environment[name].flatMap { Int($0) } ?? 1
      if count > 1 { found = (name, "\(count) tasks") }
    } else if let name = ranks.first(where: { environment[$0].flatMap { Int($0) } ?? 0 > 0 }) {
      found = (name, "several tasks")
    }
    guard let found else { return }
    throw UserError(
      .usage, found.name,
      "the launcher started \(found.tasks), but Lockstep runs on one machine so far: each task would train the same "
        + "network on its own",
      hint: "start it once, without mpirun or with srun --ntasks=1; --workers uses the cores of the machine")
  }
}
