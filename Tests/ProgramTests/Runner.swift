import Foundation

/// The built program with settings of its own.
///
/// Suites that start programs are serialized: all tests begin at once, and dozens of programs on a few cores would keep
/// the others from their connections for longer than those wait.
struct Runner: Sendable {
    var settings: [String: String] = [:]

    func run(_ words: String...) async throws -> BuiltProgram.Result { try await BuiltProgram.run(words, settings) }
}

extension BuiltProgram.Result {
    /// What was printed, a line each.
    var lines: [String] { output.split(separator: "\n").map(String.init) }
}

extension PrivateFolder {
    /// Gives the path of a new file.
    func write(_ text: String, to name: String) throws -> String {
        let file = "\(path)/\(name)"
        let folder = (file as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }
}
