import Glibc

/// Asks at an even rate and tells how long answers took; the bench's own client.
@main struct Main {
    static func main() {
        do throws(Options.Mistake) {
            let options = try Options(Array(CommandLine.arguments.dropFirst()))
            var body: [UInt8] = []
            if let file = options.bodyFile { body = try read(file) }
            exit(run(options, body: body))
        } catch {
            fail("\(error.text)\n\(Options.usage)", status: 2)
        }
    }

    private static func run(_ options: Options, body: [UInt8]) -> Int32 {
        guard let address = ClientConnection.address(host: options.host, port: options.port) else {
            fail("\(options.host) is no IPv4 address.", status: 2)
        }
        sleepPrecisely()
        let schedule = Schedule(rate: options.rate, connections: options.connections, seconds: options.seconds)
        let maker = RequestMaker(options, body: body, run: String(UInt64.random(in: 0...UInt64.max), radix: 36))
        var generator = Generator(schedule, maker, address, countsRefusals: options.countsRefusals)
        generator.run()
        let report = Report(generator)
        print(options.isJSON ? report.json : report.text)
        if report.requests == 0 { fail(report.reason ?? "No request was sent.", status: 1) }
        return 0
    }

    /// The system lets a thread oversleep by 50 µs, which would count as latency.
    private static func sleepPrecisely() {
        let file = open("/proc/self/timerslack_ns", O_WRONLY)
        guard file >= 0 else { return }
        _ = write(file, "1", 1)
        close(file)
    }

    private static func read(_ path: String) throws(Options.Mistake) -> [UInt8] {
        let file = open(path, O_RDONLY)
        guard file >= 0 else { throw Options.Mistake(text: "\(path) cannot be read.") }
        defer { close(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(file, &piece, piece.count)
            guard count >= 0 else { throw Options.Mistake(text: "\(path) cannot be read.") }
            if count == 0 { return bytes }
            bytes += piece[..<count]
        }
    }

    private static func fail(_ text: String, status: Int32) -> Never {
        let line = Array("bench-load: \(text)\n".utf8)
        _ = write(STDERR_FILENO, line, line.count)
        exit(status)
    }
}
