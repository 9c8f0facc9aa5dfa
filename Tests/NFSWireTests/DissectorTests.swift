import Foundation
import NFSWire
import NIOCore
import TestKit
import Testing

/// Goal: a program that we did not write reads what we write as what we meant.
///
/// Method: requests and replies go into a capture file as TCP packets of a conversation with port 2049; Wireshark's `tshark`
/// prints what it sees. Skipped without it.
@Suite(.enabled(if: Dissector.isAvailable, "tshark is not installed"))
struct DissectorTests {
    @Test func `the dissector names every operation as we do`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 31))
        var capture = Capture()
        for code in OperationSamples.codes {
            let request = Compound(
                version: code.isRetired(in: .v42) ? .v40 : .v42,
                operations: [.putRootFileHandle, OperationArguments(arbitrary: code, &generator)]
            )
            capture.append(request: request, transaction: code.rawValue)
        }
        let seen = try Dissector.dissect(capture)
        #expect(!seen.isMalformed, "\(seen.text)")
        let expected = OperationSamples.codes.map {
            [OperationCode.putRootFileHandle.rawValue, $0.rawValue]
        }
        #expect(seen.opcodes == expected)
    }

    @Test func `the dissector reads our attributes, names and data`() throws {
        let request = Compound(
            tag: Array("witness".utf8),
            version: .v41,
            operations: CompoundTests.operations + [
                .write(
                    WriteArguments(
                        stateID: StateID(sequence: 3, otherHigh: 4, otherLow: 5),
                        offset: 81_920,
                        stability: .fileSync,
                        data: ByteChain(copying: [UInt8](repeating: 7, count: 2_500))
                    )
                ),
                .rename(RenameArguments(oldName: Array("old".utf8), newName: Array("new".utf8))),
            ]
        )
        let results: [OperationReply] = [
            .sequence(
                SequenceReply(
                    session: SessionID(high: 1, low: 2),
                    sequence: 7,
                    slot: 2,
                    highestSlot: 3,
                    targetHighestSlot: 63,
                    status: []
                )
            ),
            .ok(.putFileHandle),
            .getAttributes(FileAttributes([.type(.directory), .change(77), .size(4_242)])),
            .write(WriteReply(count: 2_500, committed: .fileSync, verifier: Verifier(rawValue: 9))),
            .failure(.notEmpty, of: .rename),
        ]
        var capture = Capture()
        capture.append(request: request, transaction: 77)
        capture.append(results: results, tag: request.tag, transaction: 77)
        let seen = try Dissector.dissect(capture)
        #expect(!seen.isMalformed, "\(seen.text)")
        let expected = request.operations.map(\.code.rawValue)
        #expect(seen.opcodes == [expected, expected])
        for fact in [
            "witness", "slot id: 2", "offset: 81920", "FILE_SYNC4", "old", "new", "4242",
            "NFS4ERR_NOTEMPTY", "changeid: 77",
        ] {
            #expect(seen.text.contains(fact), "no '\(fact)' in \(seen.text)")
        }
    }
}

/// Wireshark's dissector on a conversation of ours.
enum Dissector {
    struct Seen {
        /// What `tshark -V` prints.
        let text: String
        /// The operation numbers of each packet.
        let opcodes: [[UInt32]]

        var isMalformed: Bool { text.contains("Malformed") }
    }

    private static let program = "/usr/bin/tshark"

    static var isAvailable: Bool { FileManager.default.isExecutableFile(atPath: program) }

    static func dissect(_ capture: Capture) throws -> Seen {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/witness.pcap"
        try Data(capture.bytes).write(to: URL(fileURLWithPath: path))
        let text = try run(["-r", path, "-V", "-O", "rpc,nfs"])
        let fields = try run(["-r", path, "-T", "fields", "-e", "nfs.opcode"])
        let numbers = fields.split(separator: "\n").map { line in
            line.split { !$0.isNumber }.compactMap { UInt32($0) }
        }
        return Seen(text: text, opcodes: numbers)
    }

    private static func run(_ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// A capture file (pcap, raw IPv4) of one TCP conversation.
struct Capture {
    private(set) var bytes: [UInt8]
    private var sent: [Bool: UInt32] = [false: 1, true: 1]

    init() {
        // Magic, version 2.4, no offset, no accuracy, 256 KiB a packet, link type 228: raw IPv4.
        bytes = NFSWireTests.bytes(
            "a1b2c3d4 0002 0004 00000000 00000000 00040000 000000e4"
        )
    }

    mutating func append(request: Compound, transaction: UInt32) {
        var call = XDRWriter.record()
        RPCCall(
            transaction: transaction,
            program: NFSProgram.number,
            version: NFSProgram.version,
            procedure: NFSProgram.compound,
            credential: .system(RPCTests.caller)
        ).encode(to: &call)
        request.encode(to: &call)
        append(call.finishRecord().bytes, isReply: false)
    }

    mutating func append(results: [OperationReply], tag: [UInt8], transaction: UInt32) {
        var head = XDRWriter.record()
        RPCReply(transaction: transaction, outcome: .success).encode(to: &head)
        var reply = CompoundReplyWriter(head, tag: tag)
        for result in results { reply.append(result) }
        append(reply.finish().finishRecord().bytes, isReply: true)
    }

    /// One packet a record, of at most 60 KB; none of ours is longer.
    private mutating func append(_ payload: [UInt8], isReply: Bool) {
        precondition(payload.count < 60_000)
        let total = UInt16(40 + payload.count)
        var packet: [UInt8] = [0x45, 0] + big(total) + [0, 1, 0x40, 0, 64, 6, 0, 0]
        let client: [UInt8] = [10, 0, 0, 1]
        let server: [UInt8] = [10, 0, 0, 2]
        packet += isReply ? server + client : client + server
        let ports: (UInt16, UInt16) = isReply ? (2_049, 800) : (800, 2_049)
        packet += big(ports.0) + big(ports.1)
        packet += big(sent[isReply] ?? 1) + big(sent[!isReply] ?? 1)
        packet += [0x50, 0x18, 0xFF, 0xFF, 0, 0, 0, 0] + payload
        sent[isReply, default: 1] += UInt32(payload.count)
        bytes += big(UInt32(1)) + big(UInt32(0))
        bytes += big(UInt32(packet.count)) + big(UInt32(packet.count)) + packet
    }

    private func big(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }
}
