import CLibPQ

/// Whether a server accepts connections there. It blocks, so it is for commands before their loop runs.
public func serverAnswers(at connectionString: String) -> Bool {
    PQping(connectionString) == PQPING_OK
}
