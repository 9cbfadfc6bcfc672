/// This program's version, as in `lockstep --version` and the files of a run.
package enum ProgramVersion {
  package static let current: String = "0.1.0"
}
