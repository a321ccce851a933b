import XCTest

final class CourierUITests: XCTestCase {
    func testTheAppStarts() {
        let app = XCUIApplication()
        app.launch()
        XCTAssertTrue(app.staticTexts["Nothing to deliver today."].exists)
    }
}
