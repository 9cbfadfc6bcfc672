import CNUMA

/// What is known about the file system of an open file.
package enum FileSystemKind {
  /// Whether other machines may see the same files, so that a lock of this machine may not be one for them.
  ///
  /// Numbers from `statfs(2)`: AFS, BeeGFS, Ceph, CIFS, FUSE, GFS2, GPFS, Lustre, NFS, OCFS2, SMB and 9P.
  package static func isShared(descriptor: Int32) -> Bool {
    var status: statfs = statfs()
    guard fstatfs(descriptor, &status) == 0 else { return false }
    return sharedKinds.contains(UInt32(truncatingIfNeeded: status.f_type))
  }

  private static let sharedKinds: Set<UInt32> = [
    0x5346_414F, 0x1983_0326, 0x00C3_6400, 0xFF53_4D42, 0x6573_5546, 0x0116_1970, 0x4750_4653, 0x0BD0_0BD0, 0x6969,
    0x7461_636F, 0x517B, 0xFE53_4D42, 0x0102_1997,
  ]
}
