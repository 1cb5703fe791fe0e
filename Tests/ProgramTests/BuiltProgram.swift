import Foundation
import FoundationNetworking
import TestKit
import Testing

/// The binary as it was built beside these tests, run as an operator runs it.
enum BuiltProgram {
    static let path: String = {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let beside = (own as NSString).deletingLastPathComponent + "/reglament"
        let isBeside = FileManager.default.isExecutableFile(atPath: beside)
        return isBeside ? beside : Repository.root.appending(path: ".build/debug/reglament").path
    }()

    struct Result: Sendable {
        let status: Int32
        let output: String
        let errors: String
    }

    /// Runs a command to its end. The environment is the settings and nothing else of ours.
    static func run(_ words: [String], _ settings: [String: String], executable: String? = nil) async throws -> Result {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        let process = process(words, settings, executable: executable)
        let output = try folder.file("output")
        let errors = try folder.file("errors")
        process.standardOutput = output
        process.standardError = errors
        try await ended(process) { try process.run() }
        return Result(
            status: process.terminationStatus, output: try folder.text("output"), errors: try folder.text("errors"))
    }

    static func process(_ words: [String], _ settings: [String: String], executable: String? = nil) -> Process {
        let process = Process()
        process.executableURL = URL(filePath: executable ?? path)
        process.arguments = words
        process.currentDirectoryURL = Repository.root
        process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("REGLAMENT_") }
            .merging(settings) { $1 }
        process.standardInput = FileHandle.nullDevice
        return process
    }

    /// Waits for the end without blocking a thread that other tests need.
    static func ended(_ process: Process, after begin: () throws -> Void) async throws {
        let ends = AsyncStream<Void>.makeStream()
        process.terminationHandler = { _ in ends.continuation.finish() }
        try begin()
        for await _ in ends.stream {}
        // A test that ran out of time is cancelled while the program still runs.
        try Task.checkCancellation()
    }
}

/// A folder that everybody may enter, PostgreSQL's own user too; gone after `remove()`.
struct PrivateFolder: Sendable {
    let path: String

    init() throws {
        path = "/tmp/rgl-program-\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
    }

    func file(_ name: String) throws -> FileHandle {
        _ = FileManager.default.createFile(atPath: "\(path)/\(name)", contents: nil)
        return try FileHandle(forWritingTo: URL(filePath: "\(path)/\(name)"))
    }

    func text(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: "\(path)/\(name)")), as: UTF8.self)
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}

/// A running `reglament serve` on a port of its own.
struct RunningService: Sendable {
    let process: ServiceProcess
    let address: String

    /// `Process` is not Sendable; each of these is used by one test, one call at a time.
    final class ServiceProcess: @unchecked Sendable {
        let value: Process
        init(_ value: Process) { self.value = value }
    }

    /// A start makes a cluster and waits for the disk at each migration: beside a busy disk that takes a while.
    private static let startMax = Duration.seconds(60)

    /// Returns when it listens; what it says is in the folder's `output` and `errors`.
    static func start(
        _ settings: [String: String], words: [String] = ["serve"], in folder: PrivateFolder
    ) async throws -> RunningService {
        let process = BuiltProgram.process(
            words, settings.merging(["REGLAMENT_LISTEN": "127.0.0.1:0"]) { old, _ in old })
        return try await start(process, in: folder)
    }

    /// `keepsOutput`: its standard output is set already.
    static func start(
        _ process: Process, in folder: PrivateFolder, keepsOutput: Bool = false
    ) async throws -> RunningService {
        if !keepsOutput { process.standardOutput = try folder.file("output") }
        process.standardError = try folder.file("errors")
        try process.run()
        let end = ContinuousClock.now + startMax
        while ContinuousClock.now < end {
            let said = try folder.text("errors").split(separator: "\n")
            if let line = said.first(where: { $0.hasPrefix("listening on ") }) {
                return RunningService(process: .init(process), address: String(line.dropFirst("listening on ".count)))
            }
            guard process.isRunning else { break }
            try await Task.sleep(for: .milliseconds(20))
        }
        process.terminate()
        throw ServiceDidNotStart(said: try folder.text("errors"))
    }

    /// Where it listens, if it is TCP.
    var port: UInt16 { address.split(separator: ":").last.flatMap { UInt16($0) } ?? 0 }

    var isRunning: Bool { process.value.isRunning }

    /// Waits for it to end by itself, and gives its exit status.
    func ended() async throws -> Int32 {
        while isRunning { try await Task.sleep(for: .milliseconds(10)) }
        return process.value.terminationStatus
    }

    struct ServiceDidNotStart: Error { let said: String }

    /// The exit status, or the signal that ended it.
    @discardableResult
    func end(_ signal: Int32) async throws -> Int32 {
        let process = process.value
        try await BuiltProgram.ended(process) { kill(process.processIdentifier, signal) }
        return process.terminationStatus
    }

    struct Answer: Sendable {
        let status: Int
        let body: Data

        /// A member of the answer's object; nil: there is none, or it is null.
        func member<T>(_ name: String, as type: T.Type = T.self) throws -> T? {
            let object = try JSONSerialization.jsonObject(with: body) as? [String: Any]
            return object?[name] as? T
        }
    }

    /// As `call`, a write under a key of its own, again while a machine that is busy with other tests makes the service say
    /// 503.
    func insist(
        _ method: String, _ path: String, token: String, _ json: String? = nil
    ) async throws -> Answer {
        let key = json.map { _ in UUID().uuidString }
        for _ in 0..<40 {
            let answer = try await call(method, path, token: token, json, key: key)
            guard answer.status == 503 else { return answer }
            try await Task.sleep(for: .milliseconds(250))
        }
        return try await call(method, path, token: token, json, key: key)
    }

    func call(
        _ method: String, _ path: String, token: String, _ json: String? = nil, key: String? = nil
    ) async throws -> Answer {
        let url = try #require(URL(string: address + path))
        var request = URLRequest(url: url, timeoutInterval: 30)
        request.httpMethod = method
        request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
        if let key { request.setValue(key, forHTTPHeaderField: "Idempotency-Key") }
        if let json {
            request.setValue("application/json", forHTTPHeaderField: "Content-Type")
            request.httpBody = Data(json.utf8)
        }
        let session = URLSession(configuration: .ephemeral)
        defer { session.finishTasksAndInvalidate() }
        let (body, response) = try await session.data(for: request)
        return Answer(status: (response as? HTTPURLResponse)?.statusCode ?? 0, body: body)
    }
}
