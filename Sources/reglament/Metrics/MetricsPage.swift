/// The families as people read them.
enum MetricsPage {
    /// `docs/reference/metrics.md`
    static var text: String {
        var text = """
            # Metrics

            `GET /metrics` gives these in Prometheus' text format 0.0.4, without a token; `REGLAMENT_METRICS=off` takes the page away.
            Figures count from the start of the process, for all its loops; those of tickets and of the job are the installation's.
            How to scrape and what to be woken by: [Observe the service](../how-to/observe.md).

            This page is written by `reglament docs` out of the table that the service itself uses.

            """
        for (title, families) in MetricFamily.sections {
            var table = MarkdownTable(head: ["Name", "Kind", "Labels", "What"])
            for family in families {
                let labels = family.labels.map { "`\($0)`" }.joined(separator: ", ")
                table.rows.append([
                    "`\(family.name)`", family.kind.rawValue, labels.isEmpty ? "-" : labels, family.help,
                ])
            }
            text += "\n## \(title)\n\n\(table.text)\n"
        }
        return text
    }
}
