import Testing

@testable import bench_load

@Suite struct LatencyHistogramTests {
    @Test func `an empty histogram has nothing to say`() {
        let histogram = LatencyHistogram()
        #expect(histogram.count == 0)
        #expect(histogram.percentile(0.99) == 0)
        #expect(histogram.max == 0)
    }

    @Test func `small durations are exact`() {
        var histogram = LatencyHistogram()
        for value: UInt64 in 1...100 { histogram.add(value) }
        #expect(histogram.percentile(0.5) == 50)
        #expect(histogram.percentile(0.99) == 99)
        #expect(histogram.percentile(0.999) == 100)
        #expect(histogram.percentile(0) == 1)
    }

    @Test func `percentiles of great durations are at most a 128th too great`() {
        var histogram = LatencyHistogram()
        for value: UInt64 in 1...100_000 { histogram.add(value * 1_000) }
        for share in [0.1, 0.5, 0.9, 0.99, 0.999] {
            let exact = share * 100_000_000
            let found = Double(histogram.percentile(share))
            #expect(found >= exact && found <= exact * (1 + 1.0 / 128), "\(share)")
        }
        #expect(histogram.max == 100_000_000)
        #expect(histogram.percentile(1) == 100_000_000)
    }

    @Test(arguments: [0, 1, 127, 128, 129, 255, 256, 1_000, 65_535, 65_536, 1 << 40, UInt64.max - 1, .max])
    func `a value lies in its bucket`(value: UInt64) {
        let bucket = LatencyHistogram.bucket(of: value)
        #expect(LatencyHistogram.upperEnd(of: bucket) >= value)
        #expect(bucket == 0 || LatencyHistogram.upperEnd(of: bucket - 1) < value)
    }

    @Test func `buckets follow one another without a gap`() {
        for bucket in 0..<2_000 {
            #expect(LatencyHistogram.bucket(of: LatencyHistogram.upperEnd(of: bucket)) == bucket)
            #expect(LatencyHistogram.bucket(of: LatencyHistogram.upperEnd(of: bucket) + 1) == bucket + 1)
        }
    }
}
