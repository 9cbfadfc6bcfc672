import Diagnostics
import TestSupport
import Testing

@testable import lockstep

@Suite struct LaunchedTasksTests {
  private func error(_ environment: [String: String]) -> UserError? {
    userError { try LaunchedTasks.requireOne(environment: environment) }
  }

  @Test(
    "one of several tasks is refused",
    arguments: [
      ["OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "0", "PMIX_RANK": "0"],
      ["PMI_SIZE": "2", "PMI_RANK": "1"], ["MV2_COMM_WORLD_SIZE": "3"],
      ["SLURM_NTASKS": "2", "SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_ID": "0", "SLURM_PROCID": "0"],
      ["PMIX_RANK": "1"], ["SLURM_NTASKS": "2", "SLURM_PROCID": "1"],
    ])
  func oneOfSeveralTasksIsRefused(environment: [String: String]) {
    #expect(error(environment)?.category == .usage)
    #expect(error(environment)?.message.contains("tasks, but Lockstep runs on one machine so far") == true)
  }

  /// A script of `sbatch` and the shell of `salloc` see their job's tasks, but are one process.
  @Test(
    "a single task runs",
    arguments: [
      [:], ["OMPI_COMM_WORLD_SIZE": "1"], ["SLURM_NTASKS": "64", "SLURM_NPROCS": "64", "SLURM_PROCID": "0"],
      ["SLURM_NTASKS": "64", "SLURM_JOB_ID": "7", "SLURM_NNODES": "2"],
      ["SLURM_NTASKS": "64", "SLURM_STEP_NUM_TASKS": "1", "SLURM_STEP_ID": "4294967290", "SLURM_PROCID": "0"],
      ["OMPI_COMM_WORLD_SIZE": "1", "SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1"], ["PMI_SIZE": ""],
    ])
  func aSingleTaskRuns(environment: [String: String]) {
    #expect(error(environment) == nil)
  }

  @Test("the program refuses to train twice")
  func theProgramRefusesToTrainTwice() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let refused = try Executable.run(
      ["train", file, "--quiet"], environment: ["OMPI_COMM_WORLD_SIZE": "2"], folder: folder.path)
    #expect(refused.exitCode == 64)
    #expect(refused.errors.contains("OMPI_COMM_WORLD_SIZE: the launcher started 2 tasks"), "\(refused.errors)")
    #expect(!folder.exists("runs"))
    let script = try Executable.run(
      ["train", file, "--quiet"], environment: ["SLURM_NTASKS": "8", "SLURM_PROCID": "0"], folder: folder.path)
    #expect(script.exitCode == 0, "\(script.errors)")
  }
}
