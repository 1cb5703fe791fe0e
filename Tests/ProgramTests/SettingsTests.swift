import Foundation
import HTTPServer
import Regulations
import TestKit
import Testing

@testable import reglament

@Suite struct SettingsTests {
    @Test(arguments: [
        ["REGLAMENT_LOOPS": "0"], ["REGLAMENT_LOOPS": "two"], ["REGLAMENT_LOOPS": "+2"], ["REGLAMENT_WRITERS": "9999"],
        ["REGLAMENT_LOG": "xml"], ["REGLAMENT_LISTEN": "8080"], ["REGLAMENT_LISTEN": "127.0.0.1:99999"],
        ["REGLAMENT_LISTEN": "127.0.0.1:8080,"], ["REGLAMENT_LISTEN": "127.0.0.1:+80"],
        ["REGLAMENT_AUTO_CLOSE_AT": "2:00"], ["REGLAMENT_AUTO_CLOSE_AT": "24:00"], ["REGLAMENT_CLOCK": "tomorrow"],
        ["REGLAMENT_CLOCK": "2026-11-20"], ["REGLAMENT_CLOCK": "2026-11-20T09:30:00"], ["REGLAMENT_RATE_LIMIT": "600"],
        ["REGLAMENT_RATE_LIMIT_CUSTOMER": "0"], ["REGLAMENT_RATE_LIMIT_EMPLOYEE": "off"],
        ["REGLAMENT_RATE_LIMIT_FAILED_AUTHENTICATION": "1000001"], ["REGLAMENT_METRICS": "yes"],
        ["REGLAMENT_ACCESS_LOG": "access.log"], ["REGLAMENT_ACCESS_LOG": "stdout"],
        ["REGLAMENT_LISTNE": "127.0.0.1:8080"], ["REGLAMENT_TLS_CERT": "/cert.pem"],
        ["REGLAMENT_TLS_KEY": "/key.pem"], ["REGLAMENT_LISTEN": "https://127.0.0.1:8443"], ["REGLAMENT_HSTS": "60"],
        ["REGLAMENT_HSTS": "-1"], ["REGLAMENT_HSTS": "1 year"], ["REGLAMENT_HSTS": "60; includeSubDomains"],
        ["REGLAMENT_HSTS": "999999999999999999999"], ["REGLAMENT_LISTEN": "ftp://127.0.0.1:80"],
        ["REGLAMENT_CONFIG_FILE": "/nowhere.conf"], ["REGLAMENT_HEADER_BYTES": "100"],
        ["REGLAMENT_HEADER_BYTES": "8192"], ["REGLAMENT_TARGET_BYTES": "16384"], ["REGLAMENT_BODY_BYTES": "1MB"],
        ["REGLAMENT_MAX_CONNECTIONS": "0"], ["REGLAMENT_MAX_CONNECTIONS_PER_ADDRESS": "0"],
        ["REGLAMENT_HEADER_SECONDS": "1.5"], ["REGLAMENT_IDLE_SECONDS": "-1"], ["REGLAMENT_PIPELINED_REQUESTS": "0"],
        ["REGLAMENT_TRUSTED_PROXIES": "proxy.example.com"], ["REGLAMENT_TRUSTED_PROXIES": "10.0.0.1/8"],
        ["REGLAMENT_TRUSTED_PROXIES": "10.0.0.1,"], ["REGLAMENT_PROXY_PROTOCOL": "v2"],
        ["REGLAMENT_PROXY_PROTOCOL": "on"],
        ["REGLAMENT_DRAIN": "3601"], ["REGLAMENT_DRAIN": "5s"],
        ["REGLAMENT_HANDOVER": "on"], ["REGLAMENT_HANDOVER": "/" + String(repeating: "x", count: 107)],
        ["REGLAMENT_SOCKET_MODE": "rw"], ["REGLAMENT_SOCKET_MODE": "668"], ["REGLAMENT_SOCKET_MODE": "4755"],
        ["REGLAMENT_RETENTION_CLOSED_TEXTS": "730"], ["REGLAMENT_RETENTION_CLOSED_TEXTS": "0d"],
        ["REGLAMENT_RETENTION_CLOSED_TEXTS": "-1d"], ["REGLAMENT_RETENTION_CLOSED_TEXTS": "2y"],
    ])
    func `a bad value or an unknown name stops with one sentence that names it`(environment: [String: String]) throws {
        do {
            _ = try Settings.read(environment: environment)
            Issue.record("it was accepted")
        } catch Failure.failed(let sentence) {
            let name = try #require(environment.keys.first)
            #expect(sentence.contains(name) || sentence.contains("/nowhere.conf"))
            #expect(!sentence.contains("\n"))
        }
    }

    @Test func `flags win over the environment, the environment over the file`() throws {
        let scratch = try PrivateFolder()
        defer { scratch.remove() }
        let file = try scratch.write("# ours\nREGLAMENT_LOOPS=3\nREGLAMENT_LOG=json\n REGLAMENT_SLOW=9\n", to: "x.conf")
        var words = Arguments(["--loops", "5", "--dry-run"])
        let settings = try Settings.read(
            flags: Settings.flagged(&words),
            environment: ["REGLAMENT_CONFIG_FILE": file, "REGLAMENT_LOOPS": "4", "REGLAMENT_LOG": "text", "HOME": "/"])
        #expect(settings.loops == 5)
        #expect(settings.log == .text)
        #expect(settings.slow == 9)
        let isDry = words.flag("--dry-run")
        #expect(isDry)
    }

    @Test(arguments: [
        "REGLAMENT_LOOP=3", "loops=3", "REGLAMENT_LOOPS", "REGLAMENT_LOOPS=", "REGLAMENT_LOOPS=1\nREGLAMENT_LOOPS=1",
        "REGLAMENT_CONFIG_FILE=x",
    ])
    func `a fault in the file is told with its line`(text: String) {
        do {
            _ = try Settings.file("# first\n\(text)\n", path: "x.conf")
            Issue.record("it was accepted")
        } catch Failure.failed(let sentence) {
            #expect(sentence.hasPrefix("x.conf:"))
        } catch { Issue.record("\(error)") }
    }

    @Test func `the values that the example shows can be given`() throws {
        let lines = try Repository.text("Config/example.conf").split(separator: "\n")
        let given = lines.filter { $0.hasPrefix("#REGLAMENT_") }.map { $0.dropFirst() }.joined(separator: "\n")
        let settings = try Settings(try Settings.file(given, path: "example.conf"))
        #expect(settings.autoCloseAt == 120)
        #expect(settings.rateLimits == (try Settings([:])).rateLimits)
        #expect(settings.observation == (try Settings([:])).observation)
        #expect(settings.listen == [.tls(host: "127.0.0.1", port: 8080)])
    }

    @Test func `limits are on unless they are switched off, all of them`() throws {
        let limits = try Settings([:]).rateLimits
        #expect(limits.customer == 600 && limits.employee == 6_000 && limits.failedAuthentication == 20)
        #expect(limits.make() != nil)
        let off = ["REGLAMENT_RATE_LIMIT": "off", "REGLAMENT_RATE_LIMIT_CUSTOMER": "5"]
        #expect(try Settings(off).rateLimits.make() == nil)
    }

    @Test func `the access log goes where it is sent`() throws {
        func log(_ value: String) throws -> Settings.Observation.AccessLog {
            try Settings(["REGLAMENT_ACCESS_LOG": value]).observation.accessLog
        }
        #expect(try log("off") == .off)
        #expect(try log("stderr") == .standardError)
        #expect(try log("/var/log/x") == .file("/var/log/x"))
    }

    @Test func `bounds and proxies reach the server, and are its own unless given`() throws {
        func configuration(_ values: [String: String]) throws -> ServerConfiguration {
            var configuration = ServerConfiguration(addresses: [])
            let settings = try Settings(values)
            settings.limits.apply(to: &configuration)
            settings.proxies.apply(to: &configuration)
            return configuration
        }
        // Each default of the example is the server's: given or not, nothing changes.
        let lines = try Repository.text("Config/example.conf").split(separator: "\n")
        let given = lines.filter { $0.hasPrefix("#REGLAMENT_") }.map { $0.dropFirst() }.joined(separator: "\n")
        let shown = try Settings.file(given, path: "example.conf").filter { Settings.Limits.names.contains($0.key) }
        #expect(shown.count == Settings.Limits.names.count)
        var same = try configuration(shown)
        #expect(same.countsLoopback)
        same.countsLoopback = false
        #expect("\(same)" == "\(try configuration([:]))")
        // And any other value changes one thing.
        for (index, name) in Settings.Limits.names.enumerated() {
            // The header block must stay larger than the target.
            let value = name == "REGLAMENT_HEADER_BYTES" ? 20_000 : 2_000 - index
            let changed = try configuration([name: "\(value)"])
            #expect("\(changed)" != "\(try configuration([:]))", "\(name)")
        }
        let behind = try configuration([
            "REGLAMENT_TRUSTED_PROXIES": "unix,10.0.0.0/8", "REGLAMENT_PROXY_PROTOCOL": "on",
        ])
        #expect(behind.usesProxyProtocol && !behind.trustedProxies.isEmpty)
    }

    @Test(arguments: [
        ("127.0.0.1:80", Settings.ListenAddress.tcp(host: "127.0.0.1", port: 80)),
        ("[::1]:80", .tcp(host: "::1", port: 80)), ("http://[::1]:80", .tcp(host: "::1", port: 80)),
        ("https://127.0.0.1:80", .tls(host: "127.0.0.1", port: 80)),
        ("unix:/run/x.sock", .unix(path: "/run/x.sock")), ("localhost:0", .tcp(host: "localhost", port: 0)),
    ])
    func `addresses have three forms`(text: String, address: Settings.ListenAddress) throws {
        #expect(try Settings.address(text[...]) == address)
    }

    static let certified = ["REGLAMENT_TLS_CERT": "/c.pem", "REGLAMENT_TLS_KEY": "/k.pem"]

    @Test func `with a certificate every address is over TLS that does not say otherwise`() throws {
        #expect(try Settings(Self.certified).listen == [.tls(host: "127.0.0.1", port: 8080)])
        var values = Self.certified
        values["REGLAMENT_LISTEN"] = "[::]:443,http://127.0.0.1:80,https://127.0.0.1:444,unix:/run/x.sock"
        #expect(
            try Settings(values).listen == [
                .tls(host: "::", port: 443), .tcp(host: "127.0.0.1", port: 80), .tls(host: "127.0.0.1", port: 444),
                .unix(path: "/run/x.sock"),
            ])
    }

    @Test(arguments: ["http://127.0.0.1:80", "unix:/run/x.sock"])
    func `a certificate that nobody would see is a mistake`(listen: String) {
        #expect(throws: Failure.self) {
            try Settings(Self.certified.merging(["REGLAMENT_LISTEN": listen]) { $1 })
        }
    }

    @Test(arguments: [
        ("off", nil), ("31536000", "max-age=31536000"), ("0", "max-age=0"),
        ("60 includeSubDomains", "max-age=60; includeSubDomains"),
    ])
    func `the policy of HSTS is seconds, perhaps for subdomains`(text: String, value: String?) throws {
        let settings = try Settings(Self.certified.merging(["REGLAMENT_HSTS": text]) { $1 })
        #expect(settings.tls.strictTransportSecurity == value)
    }
}
