import HTTPWire
import Testing

@Suite struct ByteCursorTests {
    @Test(arguments: [0, 1, 9, 10, 99, 100, 12_345_678, -1, -10, .max, .min])
    func `a number stands between its neighbours as it is spelt`(number: Int) {
        withUnsafeTemporaryAllocation(byteCount: 32, alignment: 1) { memory in
            var out = ByteCursor(memory)
            out.put("a=")
            out.put(number)
            out.room(2).copyBytes(from: [0x2c, 0x20])
            out.put(UInt8(ascii: "z"))
            #expect(String(decoding: out.written, as: UTF8.self) == "a=\(number), z")
        }
    }
}
