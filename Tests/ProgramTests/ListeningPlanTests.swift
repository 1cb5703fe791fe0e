import Foundation
import HTTPServer
import TestKit
import Testing

@testable import reglament

@Suite struct ListeningPlanTests {
    @Test func `what fits is taken, what is new is opened, what nobody wants is left`() throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        let tcp = try (0..<3).map { _ in try OpenSocket.listen() }
        let file = try OpenSocket.listen(at: "\(folder.path)/a")
        let strange = try OpenSocket.listen(at: "\(folder.path)/b")
        defer { for descriptor in tcp + [file, strange] { close(descriptor) } }
        let port = OpenSocket.port(of: tcp[1])
        let wanted: [Settings.ListenAddress] = [
            // Any port will do, but not the one that is asked for by its number below.
            .tcp(host: "127.0.0.1", port: 0), .tcp(host: "localhost", port: port), .tcp(host: "::1", port: port),
            .unix(path: "\(folder.path)/a"), .unix(path: "\(folder.path)/c"),
        ]
        let plan = try ListeningPlan(wanted, inherited: [tcp[1], file, strange, tcp[0], tcp[2]])
        #expect(plan.addresses == wanted)
        #expect(
            plan.servers == [
                .descriptor(tcp[0]), .descriptor(tcp[1]), .tcp(host: "::1", port: port), .descriptor(file),
                .unix(path: "\(folder.path)/c"),
            ])
        #expect(Set(plan.unused) == [strange, tcp[2]])
        #expect(try ListeningPlan(wanted, inherited: []).servers == wanted.map(\.server))
    }

    @Test func `given sockets are served on as they are`() throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        let sockets = [try OpenSocket.listen(at: "\(folder.path)/a"), try OpenSocket.listen()]
        defer { for descriptor in sockets { close(descriptor) } }
        let plan = try ListeningPlan(given: sockets)
        #expect(plan.servers == sockets.map { .descriptor($0) })
        let tcp = Settings.ListenAddress.tcp(host: "127.0.0.1", port: OpenSocket.port(of: sockets[1]))
        #expect(plan.addresses == [.unix(path: "\(folder.path)/a"), tcp])
        #expect(throws: ListenError.self) { try ListeningPlan(given: [999]) }
    }
}
