import TestSupport
import Testing

/// What the program does under a launcher, as far as it can be tried without one.
@Suite struct RankedCommandTests {
  @Test("a command of a single process refuses to do the same work several times")
  func singleProcessCommands() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let inference = ["bench", "throughput", file, "--inference"]
    let prediction = ["bench", "scaling", file, "--predict", "2x2"]
    for command in [["verify", "run"], ["compare", "a", "b"], ["tune", file], inference, prediction] {
      let refused = try Executable.run(command, environment: ["OMPI_COMM_WORLD_SIZE": "2"], folder: folder.path)
      #expect(refused.exitCode == 64)
      #expect(
        refused.errors.contains(
          "mpirun started 2 tasks, but this command is one of a single process"),
        "\(refused.errors)")
    }
  }

  @Test("several ranks need an MPI library, and train nothing without")
  func trainingNeedsALibrary() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let refused = try Executable.run(
      ["train", file, "--quiet"], environment: ["SLURM_STEP_NUM_TASKS": "2", "LOCKSTEP_MPI": "/nowhere/libmpi.so"],
      folder: folder.path)
    #expect(refused.exitCode == 71)
    #expect(refused.errors.contains("LOCKSTEP_MPI: found /nowhere/libmpi.so; it cannot be opened"), "\(refused.errors)")
    #expect(!folder.exists("runs"))
  }

  /// A script of `sbatch` sees its job's tasks, but is one process.
  @Test("one task trains without a library")
  func oneTask() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let script = try Executable.run(
      ["train", file, "--quiet"],
      environment: ["SLURM_NTASKS": "8", "SLURM_PROCID": "0", "LOCKSTEP_MPI": "/nowhere/libmpi.so"], folder: folder.path
    )
    #expect(script.exitCode == 0, "\(script.errors)")
  }
}
