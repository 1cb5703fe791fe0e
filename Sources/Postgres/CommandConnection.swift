public import EventLoop

extension Lane {
    /// Lends one command a connection of its own, without a time limit for statements, and closes it; on the loop.
    ///
    /// Nobody repeats a command as a client repeats a request: a connection is waited for much longer. Throws what `body`
    /// throws, or `PostgresError` when no connection can be had.
    public static func withConnection<T: Sendable>(
        of name: String, to connectionString: String, role: String? = nil, on loop: EventLoop,
        _ body: (Connection) async throws -> T
    ) async throws -> T {
        let lane = Lane(
            loop: loop, connectionString: connectionString,
            options: LaneOptions(
                name: name, mode: .exclusive(connections: 1), role: role, statementTimeout: nil,
                waitMax: LaneOptions.commandWaitMax))
        let result: Result<T, any Error>
        do { result = .success(try await lane.withConnection(body)) } catch { result = .failure(error) }
        await lane.close()
        return try result.get()
    }
}

extension LaneOptions {
    /// How long whatever nobody repeats waits for a connection.
    public static let commandWaitMax = Duration.seconds(30)
}
