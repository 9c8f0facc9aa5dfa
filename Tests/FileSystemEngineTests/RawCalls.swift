import Foundation
import Glibc
import VarveModel

@testable import FileSystemEngine

/// System calls that concern one thread, which glibc spreads over all of them or hides.
enum RawCalls {
    struct Refused: Error, CustomStringConvertible {
        let description: String
    }

    private typealias Syscall = @convention(c) (Int, Int, Int, Int, Int, Int, Int) -> Int
    private typealias SetXattr =
        @convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafeRawPointer?, Int, Int32)
        -> Int32
    private typealias GetXattr =
        @convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafeMutableRawPointer?, Int)
        -> Int
    private typealias ListXattr =
        @convention(c) (UnsafePointer<CChar>, UnsafeMutableRawPointer?, Int) -> Int
    private typealias RemoveXattr =
        @convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>) -> Int32

    /// O_NOATIME, which the Glibc module hides.
    static let noAccessTime: Int32 = 0o1000000

    #if arch(x86_64)
        private static let (setresuid, setresgid, setgroups, unshare) = (117, 119, 116, 272)
    #else
        private static let (setresuid, setresgid, setgroups, unshare) = (147, 149, 159, 97)
    #endif

    static func failed(_ call: String) -> Refused {
        Refused(description: "\(call): \(String(cString: strerror(errno)))")
    }

    private static func symbol<Function>(_ name: String, as type: Function.Type) -> Function {
        // SAFETY: each is glibc's own, called with the types of its manual page.
        unsafeBitCast(dlsym(nil, name), to: type)
    }

    private static func call(_ number: Int, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0) -> Int {
        symbol("syscall", as: Syscall.self)(number, a, b, c, 0, 0, 0)
    }

    /// Gives this thread a root, a working directory and a umask of its own.
    static func enterDirectory(_ directory: String) throws {
        let ownFileSystem = 0x200  // CLONE_FS
        guard call(unshare, ownFileSystem) == 0 else { throw failed("unshare") }
        guard chroot(directory) == 0 else { throw failed("chroot") }
        guard chdir("/") == 0 else { throw failed("chdir") }
    }

    /// Takes on an identity: this thread alone, so by the bare calls.
    static func become(_ caller: Credentials) throws {
        guard call(setresuid, -1, 0, -1) == 0 else { throw failed("setresuid") }
        let groups = caller.groups
        let result = groups.withUnsafeBufferPointer {
            call(setgroups, $0.count, Int(bitPattern: $0.baseAddress))
        }
        guard result == 0 else { throw failed("setgroups") }
        guard call(setresgid, -1, Int(caller.gid), -1) == 0 else { throw failed("setresgid") }
        guard call(setresuid, -1, Int(caller.uid), -1) == 0 else { throw failed("setresuid") }
    }

    /// Returns once the kernel's coarse clock has moved on, so that every later stamp differs.
    static func waitForTick() {
        var start = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &start)
        var now = start
        while now.tv_sec == start.tv_sec, now.tv_nsec == start.tv_nsec {
            sched_yield()
            clock_gettime(CLOCK_REALTIME_COARSE, &now)
        }
    }

    static func setAttribute(
        _ path: String,
        _ name: String,
        _ value: [UInt8],
        _ flags: Int32
    ) -> Int32 {
        symbol("lsetxattr", as: SetXattr.self)(path, name, value, value.count, flags)
    }

    static func attribute(_ path: String, _ name: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = symbol("lgetxattr", as: GetXattr.self)(path, name, &bytes, bytes.count)
        return count >= 0 ? Array(bytes[..<count]) : nil
    }

    static func attributeNames(_ path: String) -> [String] {
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = symbol("llistxattr", as: ListXattr.self)(path, &bytes, bytes.count)
        guard count > 0 else { return [] }
        return bytes[..<count].split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }

    static func removeAttribute(_ path: String, _ name: String) -> Int32 {
        symbol("lremovexattr", as: RemoveXattr.self)(path, name)
    }

    /// The engine's word for an errno.
    static func code(_ number: Int32) -> FileSystemError.Code {
        let codes: [Int32: FileSystemError.Code] = [
            ENOENT: .notFound, EEXIST: .exists, ENOTDIR: .notDirectory, EISDIR: .isDirectory,
            ENOTEMPTY: .notEmpty, EACCES: .denied, EPERM: .notPermitted, EINVAL: .invalid,
            ENAMETOOLONG: .nameTooLong, ENOSPC: .noSpace, EMLINK: .tooManyLinks, EFBIG: .fileTooBig,
            EROFS: .readOnly, ENODATA: .noAttribute, ERANGE: .rangeError, ELOOP: .loop,
            EBUSY: .busy, EOPNOTSUPP: .unsupported,
        ]
        return codes[number] ?? .failed
    }
}
