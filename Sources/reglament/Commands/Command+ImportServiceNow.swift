import TicketStore
import Tickets

enum ImportServiceNowCommand: Command {
    static let words = ["import", "servicenow-log"]
    static let synopsis = "FILE --product CODE"
    static let summary = "makes tickets with their history out of an event log of ServiceNow's incidents"
    static let options = [
        ("FILE", "comma-separated values, gzipped or plain"),
        ("--product CODE", "under whose regulation; what was imported for this product before is not imported again"),
    ]

    static func run(_ arguments: inout Arguments, _ settings: Settings) throws -> Int32 {
        let product = try arguments.required("--product")
        guard let file = try arguments.word() else { throw Failure.usage("Which file?") }
        try arguments.finish()
        let bytes = try Files.read(file)
        guard let plain = GzipFile.isGzip(bytes) ? GzipFile.read(bytes) : bytes else {
            throw Failure.failed("\(file): the gzipped data is damaged, cut short or too large.")
        }
        let log: ServiceNowLog
        do { log = try ServiceNowLog(CSV(plain)) } catch { throw Failure.failed("\(file): \(error)") }
        let (report, counts) = try Session.with(settings) { session in
            let importing = try ServiceNowImport(session, product: product)
            let report = try await importing.run(log) { done in
                Terminal.showProgress("\(done) of \(log.incidents.count) incidents")
            }
            return (report, try await session.store.importCounts(system: importing.system))
        }
        Terminal.endProgress()
        Terminal.print("incidents\t\(log.incidents.count)")
        Terminal.print("rows\t\(log.incidents.map(\.count).reduce(0, +))")
        Terminal.print("tickets added\t\(report.tickets)")
        Terminal.print("events added\t\(report.events)")
        Terminal.print("rows without effect\t\(report.rowsWithoutEffect)")
        for count in counts { Terminal.print("\(count.what) \(count.name)\t\(count.count)") }
        return 0
    }
}
