// Sends the same events in every way that Meta's Node SDK has: node send.js BASE_URL SECONDS
//
// Each way prints a line: its name and how many events the answer says were received.

const sdk = require('facebook-nodejs-business-sdk');
const {
  Content, CustomData, DeliveryCategory, EventRequest, FacebookAdsApi, HttpServiceClientConfig, ServerEvent, UserData,
} = sdk;

const DATASET_ID = '1234567890';
const TOKEN = 'token-of-the-sdk';
const APP_SECRET = 'secret-of-the-sdk';
const [baseUrl, seconds] = [process.argv[2], Number(process.argv[3])];

/** A Purchase with everything, and a Lead with little. */
function events(way) {
  const ada = new UserData()
    .setEmails(['Ada@Example.com', 'ada.l@example.com'])
    .setPhones(['+1 (650) 555-0123'])
    .setFirstName('Ada')
    .setLastName('Valéry')
    .setDateOfBirth('19970216')
    .setGender('f')
    .setCity('New York')
    .setState('NY')
    .setZip('10001-1234')
    .setCountry('us')
    .setExternalId('person-1')
    .setClientIpAddress('203.0.113.7')
    .setClientUserAgent('Mozilla/5.0 (X11; Linux x86_64)')
    .setFbc('fb.1.1596403881668.IwAR2F4-dbP0l7Mn')
    .setFbp('fb.1.1596403881668.1116446470');
  const content = new Content()
    .setId('sku-1').setQuantity(2).setItemPrice(64.95).setDeliveryCategory(DeliveryCategory.HOME_DELIVERY);
  const bought = new CustomData()
    .setValue(129.9)
    .setCurrency('usd')
    .setContents([content])
    .setContentType('product')
    .setOrderId('order & 1')
    .setCustomProperties({ colour: 'grün + blau' });
  const purchase = new ServerEvent()
    .setEventName('Purchase')
    .setEventTime(seconds)
    .setEventId(`node-${way}-1`)
    .setEventSourceUrl('https://example.com/thanks?a=1&b=2')
    .setActionSource('website')
    .setUserData(ada)
    .setCustomData(bought)
    .setOptOut(false)
    .setDataProcessingOptions(['LDU'])
    .setDataProcessingOptionsCountry(0)
    .setDataProcessingOptionsState(0);
  const lead = new ServerEvent()
    .setEventName('Lead')
    .setEventTime(seconds)
    .setEventId(`node-${way}-2`)
    .setActionSource('system_generated')
    .setUserData(new UserData().setEmail('grace@example.com'));
  return [purchase, lead];
}

/** A request of the SDK. */
function request(way) {
  return new EventRequest(TOKEN, DATASET_ID).setEvents(events(way)).setPartnerAgent('fbcapi-test');
}

/** Sends in every way. */
async function main() {
  Object.defineProperty(FacebookAdsApi, 'GRAPH', { get: () => baseUrl });
  console.log('plain', (await request('plain').execute()).events_received);
  console.log('proof', (await request('proof').setAppSecret(APP_SECRET).execute()).events_received);
  // A client that the SDK is given gets headers of its own, as the SDK writes them, and the parameters.
  const client = {
    executeRequest: async (url, method, headers, params) => {
      const answer = await fetch(url, { method, headers, body: JSON.stringify(params) });
      return answer.json();
    },
  };
  HttpServiceClientConfig.setClient(client);
  console.log('client', (await request('client').execute()).events_received);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
