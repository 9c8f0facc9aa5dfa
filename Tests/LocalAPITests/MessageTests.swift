import Foundation
import LocalAPI
import Testing

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
}
