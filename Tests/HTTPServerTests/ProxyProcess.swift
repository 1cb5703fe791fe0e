import Foundation
import Testing

/// A proxy in front of a backend, on a Unix socket in a folder of its own; it writes a line for each request that it
/// took: `target server-asked status echo`.
final class ProxyProcess {
    enum Kind: String, CaseIterable, Sendable { case nginx, haproxy }

    let folder: String
    private let process = Process()
    private let isNginx: Bool

    var socket: String { "\(folder)/http.sock" }

    struct Missing: Error, CustomStringConvertible { let description: String }

    init(_ kind: Kind, backendPort: UInt16) throws {
        guard let path = ["/usr/sbin", "/usr/bin"].map({ "\($0)/\(kind)" }).first(where: Self.isExecutable) else {
            throw Missing(description: "\(kind) is not installed; Scripts/install-packages --test installs it")
        }
        isNginx = kind == .nginx
        folder = "/tmp/rgl-proxy-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        let configuration = "\(folder)/\(kind).conf"
        let text = kind == .nginx ? Self.nginx(folder, backendPort) : Self.haproxy(folder, backendPort)
        try text.write(toFile: configuration, atomically: true, encoding: .utf8)
        for name in ["log", "errors"] { _ = FileManager.default.createFile(atPath: "\(folder)/\(name)", contents: nil) }
        process.executableURL = URL(filePath: path)
        process.arguments =
            kind == .nginx
            ? ["-p", folder, "-c", configuration, "-e", "stderr"] : ["-db", "-f", configuration]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle(forWritingAtPath: "\(folder)/\(kind == .nginx ? "errors" : "log")")
        process.standardError = FileHandle(forWritingAtPath: "\(folder)/errors")
        try Self.withoutBlockedSignals { try process.run() }
        for _ in 0..<500 where (try? RawClient(unixPath: socket)) == nil {
            guard process.isRunning else { break }
            usleep(10_000)
        }
        guard (try? RawClient(unixPath: socket)) != nil else {
            throw Missing(description: "\(kind) did not start: \(self.text(of: "errors"))")
        }
    }

    /// Ends it, and gives the lines of its log.
    func end() -> [Substring] {
        // The graceful way: what it still does for a client is written too.
        kill(process.processIdentifier, isNginx ? SIGQUIT : SIGUSR1)
        process.waitUntilExit()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return text(of: "log").split(separator: "\n")
    }

    /// A child inherits the mask of its thread, and those of Swift's tasks block every signal.
    private static func withoutBlockedSignals(_ work: () throws -> Void) rethrows {
        var none = sigset_t()
        var before = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try work()
    }

    private func text(of name: String) -> String {
        String(decoding: FileManager.default.contents(atPath: "\(folder)/\(name)") ?? Data(), as: UTF8.self)
    }

    private static func isExecutable(_ path: String) -> Bool { FileManager.default.isExecutableFile(atPath: path) }

    /// Lenient where it can be, so that what is ambiguous comes through; upstream connections are shared by all clients.
    private static func nginx(_ folder: String, _ port: UInt16) -> String {
        """
        daemon off;
        master_process off;
        pid \(folder)/pid;
        events { worker_connections 1024; }
        http {
            log_format sent '$request_uri $upstream_addr $upstream_status $upstream_http_x_echo';
            access_log \(folder)/log sent;
            client_body_temp_path \(folder)/body;
            proxy_temp_path \(folder)/proxied;
            fastcgi_temp_path \(folder)/fastcgi;
            uwsgi_temp_path \(folder)/uwsgi;
            scgi_temp_path \(folder)/scgi;
            client_header_timeout 1s;
            client_body_timeout 1s;
            keepalive_timeout 1s;
            lingering_close off;
            underscores_in_headers on;
            ignore_invalid_headers off;
            merge_slashes off;
            upstream backend { server 127.0.0.1:\(port) max_fails=0; keepalive 2; }
            server {
                listen unix:\(folder)/http.sock;
                location / {
                    proxy_pass http://backend;
                    proxy_http_version 1.1;
                    proxy_set_header Connection "";
                    proxy_set_header Host $http_host;
                    proxy_request_buffering off;
                    proxy_next_upstream off;
                    proxy_ignore_client_abort on;
                    proxy_read_timeout 3s;
                }
            }
        }
        """
    }

    private static func haproxy(_ folder: String, _ port: UInt16) -> String {
        """
        global
            maxconn 1000
            nbthread 1
            log stdout format raw local0
        defaults
            mode http
            log global
            timeout connect 2s
            timeout client 800ms
            timeout http-request 800ms
            timeout http-keep-alive 800ms
            timeout server 3s
            retries 0
            option accept-invalid-http-request
            option accept-invalid-http-response
            http-reuse always
        frontend front
            bind unix@\(folder)/http.sock
            declare capture response len 200
            http-response capture hdr(x-echo) id 0
            log-format "%[capture.req.uri] %s %ST %[capture.res.hdr(0)]"
            default_backend back
        backend back
            server one 127.0.0.1:\(port)

        """
    }
}
