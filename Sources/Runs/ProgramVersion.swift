/// This program's version, as `lockstep --version` and the files of a run name it.
package enum ProgramVersion {
  package static let current: String = "0.1.0"
}
