import Foundation
import TestKit

/// The files of the repository, without what is built and what Git keeps.
enum SourceTree {
    struct File: Sendable {
        /// From the root.
        let path: String
        let text: String

        var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
    }

    private static let ignored: Set<String> = [".build", ".git", ".swiftpm", "build", "data"]

    /// Every text file below a folder of the repository; "" for all of it.
    static func files(in folder: String = "", ending: String = "") throws -> [File] {
        let start = folder.isEmpty ? Repository.root : Repository.root.appending(path: folder)
        var files: [File] = []
        for name in try FileManager.default.contentsOfDirectory(atPath: start.path).sorted() {
            let path = folder.isEmpty ? name : "\(folder)/\(name)"
            // The fuzzer's inputs are bytes, however they are written down.
            if folder.isEmpty && ignored.contains(name) || name.hasSuffix(".base64") { continue }
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: start.appending(path: name).path, isDirectory: &isFolder)
            else { continue }
            if isFolder.boolValue {
                files += try self.files(in: path, ending: ending)
            } else if name.hasSuffix(ending), let text = String(bytes: try Repository.bytes(path), encoding: .utf8) {
                files.append(File(path: path, text: text))
            }
        }
        return files
    }

    /// Every place where a text has the pattern, as `path:line: line`.
    static func places<Output>(
        of pattern: Regex<Output>, in files: [File], unless isFine: (Regex<Output>.Match) -> Bool = { _ in false }
    ) -> [String] {
        files.flatMap { file in
            file.lines.enumerated().compactMap { number, line in
                let isBad = String(line).matches(of: pattern).contains { !isFine($0) }
                return isBad ? "\(file.path):\(number + 1): \(line.prefix(160))" : nil
            }
        }
    }
}
