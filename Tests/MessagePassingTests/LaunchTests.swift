import MessagePassing
import Testing

@Suite struct LaunchTests {
  @Test("the innermost launcher's numbers count")
  func innermostLauncher() throws {
    let openMPI = try #require(
      Launch(environment: [
        "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "3", "PMIX_RANK": "3",
        "SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1",
      ]))
    #expect(openMPI.launcher == .openMPI)
    #expect((openMPI.rank, openMPI.rankCount) == (3, 4))
    #expect(!openMPI.usesPMI)

    let hydra = try #require(
      Launch(environment: ["PMI_SIZE": "3", "PMI_RANK": "1", "MPI_LOCALNRANKS": "3", "SLURM_STEP_NUM_TASKS": "3"]))
    #expect(hydra.launcher == .hydra)
    #expect((hydra.rank, hydra.rankCount) == (1, 3))
    #expect(hydra.usesPMI)

    let pmi2 = try #require(
      Launch(environment: ["PMI_SIZE": "3", "PMI_RANK": "1", "SLURM_STEP_NUM_TASKS": "3", "SLURM_PROCID": "1"]))
    #expect(pmi2.launcher == .slurm)
    #expect(pmi2.usesPMI)

    let pmix = try #require(
      Launch(environment: ["PMIX_RANK": "2", "SLURM_STEP_NUM_TASKS": "3", "SLURM_PROCID": "2"]))
    #expect(pmix.launcher == .slurm)
    #expect((pmix.rank, pmix.rankCount) == (2, 3))
    #expect(!pmix.usesPMI)

    let other = try #require(Launch(environment: ["PMIX_RANK": "0"]))
    #expect(other.launcher == .pmix)
    #expect(other.rankCount == nil)
    #expect(other.needsMPI && !other.hasSeveral)
  }

  @Test(
    "one of several ranks",
    arguments: [
      ["OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "0", "PMIX_RANK": "0"],
      ["PMI_SIZE": "2", "PMI_RANK": "1"], ["MV2_COMM_WORLD_SIZE": "3"],
      ["SLURM_NTASKS": "2", "SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_ID": "0", "SLURM_PROCID": "0"],
      ["PMIX_RANK": "1"], ["SLURM_NTASKS": "2", "SLURM_PROCID": "1"],
    ])
  func several(environment: [String: String]) {
    #expect(Launch(environment: environment)?.hasSeveral == true)
    #expect(Launch(environment: environment)?.needsMPI == true)
  }

  /// A script of `sbatch` and the shell of `salloc` see their job's tasks, but are one process.
  @Test(
    "a process by itself",
    arguments: [
      [:], ["OMPI_COMM_WORLD_SIZE": "1"], ["SLURM_NTASKS": "64", "SLURM_NPROCS": "64", "SLURM_PROCID": "0"],
      ["SLURM_NTASKS": "64", "SLURM_JOB_ID": "7", "SLURM_NNODES": "2"],
      ["SLURM_NTASKS": "64", "SLURM_STEP_NUM_TASKS": "1", "SLURM_STEP_ID": "4294967290", "SLURM_PROCID": "0"],
      ["OMPI_COMM_WORLD_SIZE": "1", "SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1"], ["PMI_SIZE": ""],
      ["OMPI_COMM_WORLD_SIZE": "-3"], ["PMI_SIZE": "many"],
    ])
  func alone(environment: [String: String]) {
    #expect(Launch(environment: environment)?.needsMPI ?? false == false)
  }

  @Test("every launcher has its own advice")
  func advice() throws {
    let launches = [
      ["OMPI_COMM_WORLD_SIZE": "2"], ["PMI_SIZE": "2"], ["MV2_COMM_WORLD_SIZE": "2"], ["SLURM_STEP_NUM_TASKS": "2"],
      ["PMIX_RANK": "1"],
    ].compactMap { Launch(environment: $0) }
    #expect(Set(launches.map(\.libraryAdvice)).count == launches.count)
    #expect(Set(launches.map(\.bindingAdvice)).count == launches.count)
    #expect(launches.last?.countText == "several tasks")
  }
}
