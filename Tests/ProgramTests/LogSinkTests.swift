import Foundation
import TestKit
import Testing

@testable import reglament

@Suite struct LogSinkTests {
    private static let drops: @Sendable (Int) -> [UInt8] = { Array("\($0) missing\n".utf8) }

    @Test func `who reads slowly makes nobody wait, costs bounded memory, and is told what is missing`() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { close(ends[0]) }
        let sink = LogSink(ends[1], bytesMax: 10_000, drops: Self.drops)
        // Nobody reads: a pipe holds 64 KiB, a batch of at most 10,000 bytes is on its way, as much waits.
        let line = Array("0123456789012345678901234567890123456789012345678\n".utf8)
        var written = 0
        while sink.droppedLines < 100 {
            sink.append { $0 += line }
            written += 1
            try #require(written < 1_000_000)
        }
        let dropped = sink.droppedLines
        #expect((written - dropped) * line.count <= 65_536 + 2 * 10_000 + 4_096)
        // Read until all is there: each line that was taken, whole, and the number of the others.
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var (taken, missing) = (0, 0)
        while taken < written - dropped || missing < dropped {
            let count = read(ends[0], &buffer, buffer.count)
            try #require(count > 0)
            all += buffer[..<count]
            let lines = String(decoding: all, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
                .dropLast()
            taken = lines.count { $0.utf8.count == line.count - 1 }
            missing = lines.compactMap { $0.wholeMatch(of: /(\d+) missing/).flatMap { Int($0.1) } }.reduce(0, +)
        }
        #expect(taken == written - dropped && missing == dropped)
    }

    @Test func `a full disk loses lines and nothing else`() throws {
        let full = open("/dev/full", O_WRONLY)
        try #require(full >= 0)
        let sink = LogSink(full, drops: Self.drops)
        for _ in 0..<3 {
            sink.append { $0 += Array("a\nb\n".utf8) }
            sink.flush(secondsMax: 20)
        }
        // Lines that tell of lost ones are not counted among them.
        #expect(sink.droppedLines == 6)
    }

    @Test func `a file that was moved away is opened anew, and nothing is lost on the way`() throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/access.log"
        let sink = try LogSink(path: path, drops: Self.drops)
        sink.append { $0 += Array("one\n".utf8) }
        sink.flush(secondsMax: 20)
        try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
        sink.append { $0 += Array("two\n".utf8) }
        sink.reopen { #expect($0 == nil) }
        sink.flush(secondsMax: 20)
        sink.append { $0 += Array("three\n".utf8) }
        sink.flush(secondsMax: 20)
        #expect(try folder.text("access.log.1") == "one\ntwo\n")
        #expect(try folder.text("access.log") == "three\n")
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect((mode ?? 0o777) & 0o137 == 0)
    }

    @Test func `a file that cannot be opened anew goes on being written, and it is said`() throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        let place = "\(folder.path)/logs"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
        let sink = try LogSink(path: "\(place)/access.log", drops: Self.drops)
        try FileManager.default.moveItem(atPath: place, toPath: place + ".1")
        sink.reopen { reason in sink.append { $0 += Array("\(reason ?? "it was")\n".utf8) } }
        sink.flush(secondsMax: 20)
        #expect(try folder.text("logs.1/access.log") == "No such file or directory\n")
    }

    @Test func `a file that cannot be opened at all is one sentence`() {
        do {
            _ = try LogSink(path: "/nowhere/access.log", drops: Self.drops)
            Issue.record("it was opened")
        } catch Failure.failed(let sentence) {
            #expect(sentence == "/nowhere/access.log: No such file or directory")
        } catch { Issue.record("\(error)") }
    }
}
