import BackupVault
import ControlPlane
import Disk
import FileSystemEngine
import Keyring
import LocalAPI
import Testing

@Suite struct ErrorMappingTests {
    @Test(arguments: FileSystemError.Code.allCases)
    func `an engine error keeps its words`(code: FileSystemError.Code) {
        let error = APIError(FileSystemError(code, "what", remedy: "do") as any Error)
        #expect(error.message == "what")
        #expect(error.remedy == "do")
        #expect(error.code != .usage)
    }

    @Test func `damage is exit code 2 wherever it is found`() {
        let damaged: [any Error] = [
            FileSystemError(.corrupt, "x"), VaultError(.corrupt, "x"),
            KeyringError(.malformed, "x"),
        ]
        for error in damaged { #expect(APIError(error).exitStatus == .found) }
    }

    @Test(arguments: DiskError.Code.allCases)
    func `a disk error says what to do about space and access`(code: DiskError.Code) {
        let error = APIError(DiskError(code, "x"))
        #expect(error.remedy.isEmpty == ![.noSpace, .denied].contains(code))
    }

    @Test func `an error of the API passes as it is`() {
        let error = APIError(.hostPathRefused, "m", remedy: "r")
        #expect(APIError(error as any Error) == error)
    }
}
