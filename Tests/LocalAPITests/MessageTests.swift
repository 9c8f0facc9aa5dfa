import Foundation
import LocalAPI
import Testing
import VarveModel

@Suite struct MessageTests {
    @Test func `every error has an exit code and an HTTP status that is no success`() {
        for code in APIError.Code.allCases {
            let error = APIError(code, "x")
            #expect(error.exitStatus != .done)
            #expect((400...599).contains(error.httpStatus))
        }
        #expect(APIError(.usage, "x").exitStatus.rawValue == 64)
        #expect(APIError(.corrupt, "x").exitStatus.rawValue == 2)
        #expect(APIError(.notFound, "x").exitStatus.rawValue == 1)
    }

    @Test func `a line of a long answer is one of three`() throws {
        let lines = [
            StreamLine<RemoveReport>(progress: Progress(phase: "removing", done: 1)),
            StreamLine(result: RemoveReport(removed: 3)),
            StreamLine(error: APIError(.busy, "m", remedy: "r")),
        ]
        for line in lines {
            let json = try JSONEncoder().encode(line)
            let keys = try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
                .keys
            #expect(keys.count == 1)
        }
        let back = try JSONDecoder().decode(
            StreamLine<RemoveReport>.self,
            from: JSONEncoder().encode(lines[2])
        )
        #expect(back.error == APIError(.busy, "m", remedy: "r"))
    }

    @Test func `names in JSON are escaped`() throws {
        let left = LeftOut(path: EscapedBytes([0x61, 0xFF]), what: "open: denied")
        let text = String(decoding: try JSONEncoder().encode(left), as: UTF8.self)
        #expect(text.contains("a%FF"))
        #expect(try JSONDecoder().decode(LeftOut.self, from: Data(text.utf8)) == left)
    }

    @Test func `where a file system is to lie comes through as it was asked`() throws {
        for placement: CreateFileSystem.Placement in [.oneZone(nil), .oneZone("b"), .regional] {
            let asked = CreateFileSystem(name: "n", tags: [:], placement: placement)
            let json = try JSONEncoder().encode(asked)
            #expect(try JSONDecoder().decode(CreateFileSystem.self, from: json) == asked)
        }
    }

    @Test func `how zones stand is told by the names that programs read`() throws {
        let status = RegionalStatus(
            fileSystem: "fs-1",
            name: "n",
            isDegraded: true,
            mayWrite: true,
            zones: [
                ZoneStanding(zone: "a", directory: "/a/fs-1", state: .inSync),
                ZoneStanding(
                    zone: "b",
                    directory: "/b/fs-1",
                    state: .resilvering,
                    doneBytes: 1,
                    totalBytes: 2,
                    bytesPerSecond: 3,
                    missedFiles: 4,
                    missedBytes: 5
                ),
                ZoneStanding(
                    zone: "c",
                    directory: "/c/fs-1",
                    state: .out,
                    reason: "full",
                    since: TimeText(Timestamp(seconds: 0))
                ),
            ],
            resilveredBytes: 6,
            mendedBytes: 7
        )
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let text = String(decoding: try encoder.encode(status), as: UTF8.self)
        let expected = """
            {"fileSystem":"fs-1","isDegraded":true,"mayWrite":true,"mendedBytes":7,"name":"n","resilveredBytes":6,\
            "zones":[{"directory":"/a/fs-1","state":"inSync","zone":"a"},{"bytesPerSecond":3,"directory":"/b/fs-1",\
            "doneBytes":1,"missedBytes":5,"missedFiles":4,"state":"resilvering","totalBytes":2,"zone":"b"},\
            {"directory":"/c/fs-1","reason":"full","since":"1970-01-01T00:00:00Z","state":"out","zone":"c"}]}
            """
        #expect(text == expected)
    }
}
