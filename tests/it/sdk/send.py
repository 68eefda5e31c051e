"""Sends the same events in every way that Meta's Python SDK has: send.py BASE_URL SECONDS

Each way prints a line: its name and how many events the answer says were received.
"""

import asyncio
import sys

from facebook_business.adobjects.serverside.action_source import ActionSource
from facebook_business.adobjects.serverside.content import Content
from facebook_business.adobjects.serverside.custom_data import CustomData
from facebook_business.adobjects.serverside.delivery_category import DeliveryCategory
from facebook_business.adobjects.serverside.event import Event
from facebook_business.adobjects.serverside.event_request import EventRequest
from facebook_business.adobjects.serverside.event_request_async import EventRequestAsync
from facebook_business.adobjects.serverside.gender import Gender
from facebook_business.adobjects.serverside.user_data import UserData
from facebook_business.api import FacebookAdsApi
from facebook_business.session import FacebookSession

DATASET_ID = "1234567890"
TOKEN = "token-of-the-sdk"
APP_SECRET = "secret-of-the-sdk"


def events(seconds, way):
    """A Purchase with everything, and a Lead with little."""
    ada = UserData(
        emails=["Ada@Example.com", "ada.l@example.com"],
        phones=["+1 (650) 555-0123"],
        first_name="Ada",
        last_name="Valéry",
        date_of_birth="19970216",
        gender=Gender.FEMALE,
        city="New York",
        state="NY",
        zip_code="10001-1234",
        country_code="us",
        external_id="person-1",
        client_ip_address="203.0.113.7",
        client_user_agent="Mozilla/5.0 (X11; Linux x86_64)",
        fbc="fb.1.1596403881668.IwAR2F4-dbP0l7Mn",
        fbp="fb.1.1596403881668.1116446470",
    )
    bought = CustomData(
        value=129.9,
        currency="usd",
        contents=[
            Content(product_id="sku-1", quantity=2, item_price=64.95, delivery_category=DeliveryCategory.HOME_DELIVERY)
        ],
        content_type="product",
        order_id="order & 1",
        custom_properties={"colour": "grün + blau"},
    )
    purchase = Event(
        event_name="Purchase",
        event_time=seconds,
        event_id=f"python-{way}-1",
        event_source_url="https://example.com/thanks?a=1&b=2",
        action_source=ActionSource.WEBSITE,
        user_data=ada,
        custom_data=bought,
        opt_out=False,
        data_processing_options=["LDU"],
        data_processing_options_country=0,
        data_processing_options_state=0,
    )
    lead = Event(
        event_name="Lead",
        event_time=seconds,
        event_id=f"python-{way}-2",
        action_source=ActionSource.SYSTEM_GENERATED,
        user_data=UserData(email="grace@example.com"),
    )
    return [purchase, lead]


def request(kind, seconds, way):
    """A request of one of the SDK's two kinds."""
    return kind(pixel_id=DATASET_ID, events=events(seconds, way), partner_agent="fbcapi-test")


def main(base_url, seconds):
    """Sends in every way."""
    FacebookSession.GRAPH = base_url
    FacebookAdsApi.init(access_token=TOKEN, crash_log=False)
    print("sync", request(EventRequest, seconds, "sync").execute().events_received)
    FacebookAdsApi.init(app_secret=APP_SECRET, access_token=TOKEN, crash_log=False)
    print("proof", request(EventRequest, seconds, "proof").execute().events_received)
    print("async", asyncio.run(request(EventRequestAsync, seconds, "async").execute()).events_received)


main(sys.argv[1], int(sys.argv[2]))
