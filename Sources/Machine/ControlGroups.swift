/// The control groups (cgroup version 1 and 2) that this process is in, as folders whose files limit it.
///
/// A container often sees its own group at the mount point while `/proc/self/cgroup` names the host's path, so the walk
/// takes every folder from the named one up to the mount point that exists.
struct ControlGroups {
  /// One group: the folder with its files and its name below the mount point.
  struct Group {
    let folder: String
    let name: String
  }

  private struct Mount {
    let folder: String
    /// The group that the mount point shows, as the host names it.
    let root: String
    /// Version 1's controllers; empty for version 2.
    let controllers: [Substring]
  }

  private let files: SystemFiles
  private let mounts: [Mount]
  /// The process's path per hierarchy; the controllers are empty for version 2.
  private let memberships: [(controllers: [Substring], path: String)]

  init(_ files: SystemFiles) {
    self.files = files
    memberships = (files.text("/proc/self/cgroup") ?? "").split(separator: "\n").compactMap { line in
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { return nil }
      return (fields[1].split(separator: ","), String(fields[2]))
    }
    let told = (files.text("/proc/self/mountinfo") ?? "").split(separator: "\n").compactMap(Self.mount)
    mounts = told.isEmpty ? Self.usualMounts(memberships.map(\.controllers)) : told
  }

  /// The groups that may limit `controller` for this process, the innermost first.
  func groups(controller: String) -> [Group] {
    var groups: [Group] = []
    for mount in mounts where mount.controllers.isEmpty || mount.controllers.contains(Substring(controller)) {
      let membership = memberships.first {
        mount.controllers.isEmpty ? $0.controllers.isEmpty : $0.controllers.contains(Substring(controller))
      }
      guard let membership else { continue }
      var parts = Self.parts(of: membership.path, below: mount.root)
      while true {
        let name = "/" + parts.joined(separator: "/")
        groups.append(Group(folder: mount.folder + (parts.isEmpty ? "" : name), name: name))
        if parts.isEmpty { break }
        parts.removeLast()
      }
    }
    return groups
  }

  /// A path with `..` is outside of what this process may see, which leaves only the mount point itself.
  private static func parts(of path: String, below root: String) -> [Substring] {
    let whole = path.split(separator: "/")
    if whole.contains("..") { return [] }
    let prefix = root.split(separator: "/")
    return whole.starts(with: prefix) ? [Substring](whole.dropFirst(prefix.count)) : whole
  }

  /// A line of `proc_pid_mountinfo(5)`: `31 23 0:28 ROOT FOLDER options … - TYPE source superoptions`.
  private static func mount(_ line: Substring) -> Mount? {
    let fields = line.split(separator: " ")
    guard let dash = fields.firstIndex(of: "-"), dash > 4, dash + 3 < fields.count else { return nil }
    let (root, folder): (String, String) = (String(fields[3]), String(fields[4]))
    switch fields[dash + 1] {
    case "cgroup2": return Mount(folder: folder, root: root, controllers: [])
    case "cgroup": return Mount(folder: folder, root: root, controllers: fields[dash + 3].split(separator: ","))
    default: return nil
    }
  }

  private static func usualMounts(_ hierarchies: [[Substring]]) -> [Mount] {
    hierarchies.map { controllers in
      Mount(
        folder: "/sys/fs/cgroup" + (controllers.isEmpty ? "" : "/" + controllers.joined(separator: ",")), root: "/",
        controllers: controllers)
    }
  }
}
