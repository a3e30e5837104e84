/** Says what a job of a queue of Redis came to. */
import { roundTrip } from '../round-trip.ts';

const [url = ''] = process.argv.slice(2);
void roundTrip(url).then(outcomes => console.log(JSON.stringify(outcomes)));
