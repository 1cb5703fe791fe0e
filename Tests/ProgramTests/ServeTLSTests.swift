import Foundation
import TestKit
import Testing

@Suite(.serialized) struct ServeTLSTests {
    /// Copies a pair of `TestCertificates` to `certificate.pem` and `key.pem`.
    private func install(_ certificates: String, key: String, in folder: PrivateFolder) throws {
        for (from, to) in [(certificates, "certificate.pem"), (key, "key.pem")] {
            let bytes = try TestCertificates.shared.bytes(from)
            try Data(bytes).write(to: URL(filePath: "\(folder.path)/\(to)"), options: .atomic)
        }
    }

    private func settings(_ folder: PrivateFolder) -> [String: String] {
        [
            "REGLAMENT_TLS_CERT": "\(folder.path)/certificate.pem", "REGLAMENT_TLS_KEY": "\(folder.path)/key.pem",
            "REGLAMENT_DATA": "\(folder.path)/data",
        ]
    }

    /// The answer with its head, and what curl says of the server's certificate.
    private func curl(_ url: String) async throws -> (answer: String, certificate: String) {
        let words = ["--silent", "--verbose", "--include", "--cacert", TestCertificates.shared.path("root.pem"), url]
        let result = try await BuiltProgram.run(words, [:], executable: "/usr/bin/curl")
        let line = result.errors.split(separator: "\n").first { $0.contains("subject: CN=") }
        return (result.output, line.map { String($0.split(separator: "=").last ?? "") } ?? "")
    }

    /// Waits until the log has so many lines that begin like this; gives the last.
    private func said(_ beginning: String, _ count: Int, in folder: PrivateFolder) async throws -> String {
        for _ in 0..<500 {
            let lines = try folder.text("errors").split(separator: "\n").filter { $0.hasPrefix(beginning) }
            if lines.count >= count, let last = lines.last { return String(last) }
            try await Task.sleep(for: .milliseconds(20))
        }
        return ""
    }

    @Test func `SIGHUP loads good files, and leaves what there was when they are bad`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        try await TestDatabase.with(.migrated) { database in
            try install("expired.pem", key: "expired.key", in: folder)
            var settings = settings(folder)
            settings["REGLAMENT_DATABASE_URL"] = database.ownerURL
            settings["REGLAMENT_LISTEN"] = "127.0.0.1:0,http://127.0.0.1:0"
            settings["REGLAMENT_HSTS"] = "60"
            let service = try await RunningService.start(settings, in: folder)
            #expect(service.address.hasPrefix("https://127.0.0.1:"))
            #expect(
                try folder.text("errors").contains("warning: the certificate in \(folder.path)/certificate.pem has"))
            #expect(try await curl("\(service.address)/healthz").answer.isEmpty)

            let id = service.process.value.processIdentifier
            try install("rsa.pem", key: "rsa.key", in: folder)
            kill(id, SIGHUP)
            #expect(try await said("SIGHUP: loaded", 1, in: folder).contains("valid until 20"))
            let first = try await curl("\(service.address)/healthz")
            #expect(first.certificate == "rsa" && first.answer.hasPrefix("HTTP/1.1 200 OK"))
            #expect(first.answer.contains("Strict-Transport-Security: max-age=60\r\n"))

            try install("ecdsa.pem", key: "rsa.key", in: folder)
            kill(id, SIGHUP)
            let refusal = try await said("SIGHUP: went on", 1, in: folder)
            #expect(refusal.contains("REGLAMENT_TLS_KEY: \(folder.path)/key.pem: is not the key of"))
            #expect(try await !said("not everything was reloaded", 1, in: folder).isEmpty)
            #expect(try await curl("\(service.address)/healthz").certificate == "rsa")

            try install("ecdsa.pem", key: "ecdsa.key", in: folder)
            kill(id, SIGHUP)
            #expect(try await !said("SIGHUP: loaded", 2, in: folder).isEmpty)
            #expect(try await curl("\(service.address)/healthz").certificate == "ecdsa")

            let lines = try folder.text("errors").split(separator: "\n")
            let plain = try #require(lines.first { $0.hasPrefix("listening on http://") }).dropFirst(13)
            let answer = try await curl("\(plain)/healthz").answer
            #expect(answer.hasPrefix("HTTP/1.1 200 OK") && !answer.contains("Strict-Transport-Security"))
            let mistaken = try await curl("\(service.address.replacing("https:", with: "http:"))/healthz").answer
            #expect(mistaken.hasPrefix("HTTP/1.1 400 Bad Request") && mistaken.contains("https://"))
            #expect(try await service.end(SIGTERM) == 0)
        }
    }

    @Test(arguments: [
        ("missing", "", "REGLAMENT_TLS_CERT: "), ("words.pem", "ecdsa.key", "holds no certificate"),
        ("ecdsa.pem", "encrypted.key", "REGLAMENT_TLS_KEY: "), ("reversed.pem", "ecdsa.key", "not the issuer"),
    ])
    func `bad files stop the start with one sentence, before anything else is started`(
        certificates: String, key: String, says: String
    ) async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        if certificates != "missing" { try install(certificates, key: key, in: folder) }
        let result = try await BuiltProgram.run(["serve"], settings(folder))
        #expect(result.status == 1 && result.output.isEmpty)
        #expect(result.errors.contains(says) && result.errors.split(separator: "\n").count == 1, "\(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/data"))
    }
}
