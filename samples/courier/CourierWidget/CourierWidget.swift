import SwiftUI
import WidgetKit

struct Parcel: TimelineEntry {
    let date: Date
}

struct Parcels: TimelineProvider {
    func placeholder(in context: Context) -> Parcel { Parcel(date: .now) }
    func getSnapshot(in context: Context, completion: @escaping (Parcel) -> Void) {
        completion(Parcel(date: .now))
    }
    func getTimeline(in context: Context, completion: @escaping (Timeline<Parcel>) -> Void) {
        completion(Timeline(entries: [Parcel(date: .now)], policy: .never))
    }
}

@main
struct CourierWidget: Widget {
    var body: some WidgetConfiguration {
        StaticConfiguration(kind: "parcels", provider: Parcels()) { entry in
            Text(entry.date, style: .date)
        }
    }
}
