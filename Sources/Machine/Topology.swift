/// The machine as this process may use it.
package struct Topology: Sendable {
  package init() {}
}
