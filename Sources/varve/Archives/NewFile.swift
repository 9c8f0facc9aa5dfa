import Disk
import LocalAPI

/// A file of the user's that appears whole or not at all, and replaces nothing: an archive, an identity.
struct NewFile {
    private let file: NewHostFile
    private let shown: String

    /// Says early that a name is taken.
    static func requireFree(_ path: [UInt8]) throws {
        do throws(DiskError) {
            try NewHostFile.requireFree(path)
        } catch {
            throw failure(error, of: String(decoding: path, as: UTF8.self))
        }
    }

    init(_ path: [UInt8], permissions: UInt32) throws {
        shown = String(decoding: path, as: UTF8.self)
        do throws(DiskError) {
            file = try NewHostFile(path, permissions: permissions)
        } catch {
            throw NewFile.failure(error, of: shown)
        }
    }

    func write(_ bytes: [UInt8]) throws {
        try change { () throws(DiskError) in try file.write(bytes) }
    }

    func finish() throws {
        try change { () throws(DiskError) in try file.finish() }
    }

    func abandon() {
        file.abandon()
    }

    private func change(_ body: () throws(DiskError) -> Void) throws {
        do throws(DiskError) {
            try body()
        } catch {
            throw NewFile.failure(error, of: shown)
        }
    }

    private static func failure(_ error: DiskError, of shown: String) -> APIError {
        let code: APIError.Code =
            switch error.code {
            case .notFound: .notFound
            case .exists: .exists
            case .denied: .denied
            case .noSpace: .noSpace
            case .busy: .busy
            case .failed, .powerCut: .failed
            }
        guard code != .exists else {
            return APIError(
                .exists,
                "'\(shown)' exists, and is not replaced",
                remedy: "Name another file, or remove this one."
            )
        }
        return APIError(code, "write '\(shown)': \(error.message)", remedy: error.remedy)
    }
}
