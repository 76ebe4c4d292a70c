"""Opens pages in Debian's Chromium, headless, and tells what they asked for."""

import json
import pathlib
import shutil

import pytest

QUIET = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1280,900",
)


class Browser:
    """A tab that remembers what pages logged and requested."""

    def __init__(self, driver):
        self.driver = driver
        self.run = driver.execute_script

    def open(self, page, width=1280, height=900, scheme="light"):
        """Opens a file as a screen of some size shows it."""
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        self.emulate(scheme)
        for log in ("browser", "performance"):
            self.driver.get_log(log)
        self.driver.get(pathlib.Path(page).as_uri())
        self.settle()

    def emulate(self, scheme):
        """Sets whether the reader's system is light or dark.

        It asks for little motion, too: a scroll that still goes on, as it does on a
        busy machine, takes an element away from under a click.
        """
        wishes = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
        features = [{"name": name, "value": value} for name, value in wishes.items()]
        self.command("Emulation.setEmulatedMedia", features=features)

    def command(self, name, **arguments):
        """Sends a command of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(name, arguments)

    def settle(self):
        """Waits until what was asked for is on the screen."""
        self.driver.execute_async_script(
            "const done = arguments[0];"
            "requestAnimationFrame(() => requestAnimationFrame(done))"
        )

    def find(self, selector):
        """Returns the first element of a CSS selector."""
        return self.driver.find_element("css selector", selector)

    def click(self, selector):
        """Scrolls an element into view and clicks it."""
        element = self.find(selector)
        self.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})",
                 element)  # fmt: skip
        element.click()
        self.settle()

    def press(self, *keys):
        """Presses keys where the focus is."""
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()
        self.settle()

    def complaints(self):
        """Returns what the console got since the page was opened."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self):
        """Returns the addresses that were asked for since the page was opened."""
        events = (
            json.loads(entry["message"])["message"]
            for entry in self.driver.get_log("performance")
        )
        return [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
            # Not those of the browser's own first page.
            and not event["params"]["documentURL"].startswith(
                ("chrome:", "chrome-untrusted:")
            )
        ]


def start(profile):
    """Starts Chromium with an empty profile, or skips the test without it."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    paths = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if None in paths:
        pytest.skip("needs chromium and chromedriver (Debian: chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = paths[0]
    for argument in (*QUIET, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability(
        "goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"}
    )
    service = webdriver.ChromeService(executable_path=paths[1])
    return Browser(webdriver.Chrome(options=options, service=service))
