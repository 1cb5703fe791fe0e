/// One reader of bytes from outside, and what must hold whatever the bytes are: it never traps, and what it promises of
/// any input is checked by `require`.
struct FuzzTarget: Sendable {
    /// Also the name of its folder of `Corpora`.
    let name: String
    let run: @Sendable (UnsafeRawBufferPointer) -> Void

    static let all: [FuzzTarget] = [
        head, chunks, json, query, cursor, timeZone, policy, calendar,
    ]

    /// A broken promise is a crash, under the fuzzer and in the tests alike.
    static func require(_ condition: Bool, _ promise: @autoclosure () -> String) {
        precondition(condition, promise())
    }
}
