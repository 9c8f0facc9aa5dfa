import LocalAPI
import TestKit
import Testing

@Suite struct DownloadFramesTests {
    /// Goal: however the network cuts a download, its data and its ending come out as they went in.
    @Test func `frames cut anywhere give the same bytes`() {
        var generator = SeededGenerator(seed: testSeed(default: 5))
        for _ in 0..<200 {
            var (sent, stream): ([UInt8], [UInt8]) = ([], [])
            for _ in 0..<Int.random(in: 0..<5, using: &generator) {
                let bytes = generator.bytes(Int.random(in: 1..<700, using: &generator))
                sent += bytes
                stream += DownloadFrames.head(bytes.count) + bytes
            }
            let ending = generator.bytes(Int.random(in: 1..<50, using: &generator))
            let whole = stream + DownloadFrames.head(0) + ending
            var reader = DownloadReader()
            var taken: [UInt8] = []
            var rest = whole[...]
            while !rest.isEmpty {
                let part = rest.prefix(Int.random(in: 1..<300, using: &generator))
                reader.take(Array(part)) { taken += $0 }
                rest = rest.dropFirst(part.count)
            }
            #expect(taken == sent)
            #expect(reader.ending == ending)
        }
    }

    @Test func `a stream that is cut has no ending`() {
        let whole = DownloadFrames.head(3) + [1, 2, 3] + DownloadFrames.head(0) + [9]
        for count in 0..<11 {
            var reader = DownloadReader()
            reader.take(Array(whole.prefix(count))) { _ in }
            #expect(reader.ending == nil, "\(count) bytes")
        }
        #expect(DownloadFrames.head(0x0102_0304) == [1, 2, 3, 4])
    }
}
