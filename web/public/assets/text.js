// Everything the page says, in both languages, and how it writes money and times.
import { read, write } from './session.js';

const en = {
  skip: 'Skip to content',
  language: 'Language',
  home: 'Boxoffice, to the start',
  account: 'My turn, wallet and tickets',
  tickets: 'My tickets',
  wallet: 'Wallet',
  turn: 'Your turn',
  steps: 'Steps',
  stepNames: ['Line', 'Concert', 'Date', 'Seat', 'Payment'],
  leave: 'Leave',
  loading: 'One moment…',
  back: 'Back',
  tryAgain: 'Try again',
  close: 'Close',

  welcomeTitle: 'Fifty seats a night. One fair line.',
  welcomeText: 'Join the line, choose your seat when it is your turn, and pay from your wallet. Nobody overtakes you, and nobody can take a seat that you hold.',
  join: 'Join the line',
  promiseLine: ['A fair line', 'Your number is yours. Close the lid, change the train, reload the page: you keep it.'],
  promiseHold: ['A seat that waits', 'Choose a seat and it is held for you for five minutes, in front of everybody.'],
  promiseTicket: ['Paid once', 'Press twice, lose the network, start over: you pay once and get one ticket.'],
  someoneNew: 'Start as someone new',
  youAre: (/** @type {string} */ id) => `You are guest ${id}.`,

  waitTitle: 'You are in the line',
  waitText: 'Keep this page open. It moves by itself, and you can reload it without losing your place.',
  position: 'Your number',
  ahead: 'People ahead',
  wait: 'About',
  progress: 'Way to the front',
  movedTo: (/** @type {number} */ n) => `You are number ${n} now.`,
  yourTurn: 'It is your turn.',
  lessThanMinute: 'less than a minute',
  minutes: (/** @type {number} */ n) => `${n} min`,
  hours: (/** @type {number} */ n) => `${n} h`,
  inLine: (/** @type {string} */ n) => `Number ${n} in line`,

  endedTitle: 'Your turn is over',
  endedText: 'The place was used, given back, or its time ran out. Your tickets stay; for another seat join the line again.',
  joinAgain: 'Join the line again',

  concertsTitle: 'Choose a concert',
  otherLine: 'Has its own line: join it',
  otherLineText: 'This concert has a line of its own. You can give your place here back for one there.',
  joinOther: 'Join that line',
  heldNote: (/** @type {string} */ time) => `Held for you, ${time} left to pay.`,
  datesTitle: 'Choose a date',
  noDates: 'No date has a free seat now. Held seats come back after five minutes: look again shortly, or choose another concert.',
  seatsFree: (/** @type {number} */ n, /** @type {number} */ of) => `${n} of ${of} free`,
  seatsFew: (/** @type {number} */ n) => `Only ${n} left`,

  seatsTitle: 'Choose a seat',
  stage: 'Stage',
  seatMap: 'Seat map. Arrow keys move, Enter chooses.',
  free: 'free', held: 'held by someone', sold: 'sold', mine: 'yours', chosen: 'chosen',
  seat: (/** @type {number} */ n) => `Seat ${n}`,
  chooseHint: 'Choose a free seat in the map.',
  holdSeat: 'Hold this seat',
  holdHint: 'Held for five minutes while you pay.',
  prices: 'Prices',
  seatRange: (/** @type {number} */ a, /** @type {number} */ b) => (a === b ? `Seat ${a}` : `Seats ${a} to ${b}`),
  freeOf: (/** @type {string} */ n) => `${n} free`,
  anySeat: 'Any',
  anySeatAt: (/** @type {string} */ money) => `Any free seat at ${money}`,
  toMyHold: 'Pay for your seat',
  haveSeat: (/** @type {number} */ n) => `You hold seat ${n} of this date.`,
  ownSeat: (/** @type {number} */ n) => `Seat ${n} of this date is yours.`,
  seatGone: (/** @type {number} */ n) => `Seat ${n} was just taken. Choose another one.`,
  live: 'The map is live.',
  polled: 'The map is read again every two seconds.',

  payTitle: 'Pay for your seat',
  holdLeft: 'Held for you',
  holdLeftText: 'Nobody else can take this seat until the time is up.',
  hurry: 'One minute left to pay.',
  holdOver: 'The hold has lapsed',
  holdOverText: 'The time to pay ran out and the seat is free again. If nobody was faster, you can choose it once more.',
  chooseAgain: 'Choose a seat again',
  price: 'Price',
  balance: 'In your wallet',
  after: 'After paying',
  missing: (/** @type {string} */ money) => `You need ${money} more. Charge your wallet, the seat stays held meanwhile.`,
  chargeTitle: 'Charge the wallet',
  amount: 'Amount in won',
  charge: 'Charge',
  charged: (/** @type {string} */ money) => `Charged. Your wallet has ${money}.`,
  pay: (/** @type {string} */ money) => `Pay ${money}`,
  paying: 'Paying…',
  pending: 'The payment still runs. It ends by itself; this page waits for it.',
  giveBack: 'Give the seat back',
  cancelled: 'You gave this seat back.',

  ticketTitle: 'The seat is yours',
  ticketText: 'Your turn is used up by the payment. The ticket stays here.',
  ticketsTitle: 'My tickets',
  noTickets: 'No tickets yet. Join the line to get one.',
  admitOne: 'Admit one',
  paid: 'Paid',
  paidAt: 'On',
  print: 'Print',
  number: 'Ticket number',
  another: 'Another seat',

  failed: 'That did not work',
  next: {
    NETWORK: 'There is no connection to the box office. Check your network, then try again: nothing is done twice.',
    IDENTITY_REQUIRED: 'Sign in on the site that led you here, and come back from there.',
    IDENTITY_INVALID: 'Sign in again on the site that led you here, and come back from there.',
    TOKEN_REQUIRED: 'Join the line first.',
    TOKEN_INVALID: 'Join the line again.',
    TOKEN_EXPIRED: 'Join the line again. Your tickets stay.',
    NOT_YOUR_TURN: 'Wait for your turn; the page moves by itself.',
    SEAT_HELD: 'Choose another seat, or wait: a held seat may come back.',
    SEAT_SOLD: 'Choose another seat.',
    ONE_SEAT_PER_DATE: 'Pay for the seat that you hold, or give it back first.',
    NOT_ON_SALE: 'Choose another date.',
    HOLD_EXPIRED: 'Choose a seat again.',
    INSUFFICIENT_BALANCE: 'Charge your wallet and pay again: the seat is still yours to pay.',
    CHARGE_LIMIT: 'Charge a smaller amount, several times if need be.',
    BALANCE_LIMIT: 'The wallet is full. Pay with what is in it.',
    RATE_LIMITED: 'Wait a few seconds, then try again.',
    OVERLOADED: 'Wait a few seconds, then try again: nothing is done twice.',
    other: 'Try again. If it stays, come back in a minute.',
  },
};
/** @typedef {typeof en} Text */

/** @type {Text} */
const ko = {
  skip: '본문으로 건너뛰기',
  language: '언어',
  home: 'Boxoffice, 처음으로',
  account: '내 이용 시간, 지갑, 티켓',
  tickets: '내 티켓',
  wallet: '지갑',
  turn: '이용 시간',
  steps: '진행 단계',
  stepNames: ['대기', '공연', '날짜', '좌석', '결제'],
  leave: '나가기',
  loading: '잠시만 기다려 주세요…',
  back: '뒤로',
  tryAgain: '다시 시도',
  close: '닫기',

  welcomeTitle: '하루 50석, 모두에게 공정한 대기열.',
  welcomeText: '대기열에 들어가 차례가 되면 좌석을 고르고 지갑으로 결제하세요. 순서는 바뀌지 않으며, 선점한 좌석은 다른 사람이 가져갈 수 없습니다.',
  join: '대기열 들어가기',
  promiseLine: ['공정한 대기열', '받은 순번은 그대로입니다. 화면을 닫거나 새로고침해도 유지됩니다.'],
  promiseHold: ['기다려 주는 좌석', '고른 좌석은 5분 동안 누구도 가져갈 수 없습니다.'],
  promiseTicket: ['결제는 한 번', '두 번 누르거나 연결이 끊겨도 한 번만 결제되고 티켓은 한 장입니다.'],
  someoneNew: '새 사용자로 시작',
  youAre: (id) => `게스트 ${id} 님입니다.`,

  waitTitle: '대기열에 들어왔습니다',
  waitText: '이 페이지를 열어 두세요. 자동으로 갱신되며, 새로고침해도 순서가 유지됩니다.',
  position: '내 순번',
  ahead: '앞에 있는 사람',
  wait: '예상 대기',
  progress: '차례까지의 진행률',
  movedTo: (n) => `현재 순번은 ${n}번입니다.`,
  yourTurn: '차례가 되었습니다.',
  lessThanMinute: '1분 미만',
  minutes: (n) => `${n}분`,
  hours: (n) => `${n}시간`,
  inLine: (n) => `대기 순번 ${n}번`,

  endedTitle: '이용이 끝났습니다',
  endedText: '결제를 마쳤거나 대기열에서 나갔거나 이용 시간이 지났습니다. 구매한 티켓은 그대로 있습니다. 다른 좌석은 다시 줄을 서 주세요.',
  joinAgain: '다시 대기열 들어가기',

  concertsTitle: '공연 선택',
  otherLine: '전용 대기열이 있습니다: 들어가기',
  otherLineText: '이 공연에는 전용 대기열이 있습니다. 지금 순번을 반납하고 그 대기열에 들어갈 수 있습니다.',
  joinOther: '전용 대기열 들어가기',
  heldNote: (time) => `선점한 좌석입니다. ${time} 안에 결제해 주세요.`,
  datesTitle: '날짜 선택',
  noDates: '지금은 남은 좌석이 있는 날짜가 없습니다. 선점된 좌석은 5분 뒤 풀릴 수 있으니 잠시 후 다시 보거나 다른 공연을 골라 주세요.',
  seatsFree: (n, of) => `${of}석 중 ${n}석`,
  seatsFew: (n) => `${n}석만 남음`,

  seatsTitle: '좌석 선택',
  stage: '무대',
  seatMap: '좌석 배치도. 화살표 키로 이동하고 Enter 키로 선택합니다.',
  free: '선택 가능', held: '다른 사용자가 선점함', sold: '판매됨', mine: '내 좌석', chosen: '선택됨',
  seat: (n) => `${n}번 좌석`,
  chooseHint: '배치도에서 좌석을 선택하세요.',
  holdSeat: '이 좌석 선점하기',
  holdHint: '결제하는 5분 동안 선점됩니다.',
  prices: '가격',
  seatRange: (a, b) => (a === b ? `${a}번 좌석` : `${a}~${b}번 좌석`),
  freeOf: (n) => `${n}석 남음`,
  anySeat: '아무 좌석',
  anySeatAt: (money) => `아무 좌석, ${money}`,
  toMyHold: '선점한 좌석 결제하기',
  haveSeat: (n) => `이 날짜의 ${n}번 좌석을 선점하고 있습니다.`,
  ownSeat: (n) => `이 날짜의 ${n}번 좌석을 구매했습니다.`,
  seatGone: (n) => `${n}번 좌석을 방금 다른 사람이 선택했습니다. 다른 좌석을 골라 주세요.`,
  live: '배치도가 실시간으로 갱신됩니다.',
  polled: '배치도를 2초마다 다시 읽습니다.',

  payTitle: '좌석 결제',
  holdLeft: '선점 남은 시간',
  holdLeftText: '시간이 끝날 때까지 다른 사람이 이 좌석을 가져갈 수 없습니다.',
  hurry: '결제 시간이 1분 남았습니다.',
  holdOver: '선점 시간이 지났습니다',
  holdOverText: '결제 시간이 지나 좌석이 풀렸습니다. 아직 남아 있다면 다시 선택할 수 있습니다.',
  chooseAgain: '좌석 다시 선택',
  price: '가격',
  balance: '지갑 잔액',
  after: '결제 후 잔액',
  missing: (money) => `${money}이 부족합니다. 지갑을 충전해 주세요. 그동안 좌석은 유지됩니다.`,
  chargeTitle: '지갑 충전',
  amount: '금액(원)',
  charge: '충전',
  charged: (money) => `충전되었습니다. 잔액은 ${money}입니다.`,
  pay: (money) => `${money} 결제하기`,
  paying: '결제 중…',
  pending: '결제가 진행 중입니다. 자동으로 끝나며 이 페이지가 기다립니다.',
  giveBack: '좌석 취소',
  cancelled: '취소한 좌석입니다.',

  ticketTitle: '좌석을 구매했습니다',
  ticketText: '결제로 이용 차례가 끝났습니다. 티켓은 여기에서 볼 수 있습니다.',
  ticketsTitle: '내 티켓',
  noTickets: '아직 티켓이 없습니다. 대기열에 들어가 예매해 보세요.',
  admitOne: '1인 입장권',
  paid: '결제 금액',
  paidAt: '결제 일시',
  print: '인쇄',
  number: '티켓 번호',
  another: '다른 좌석 예매',

  failed: '처리하지 못했습니다',
  next: {
    NETWORK: '예매 서버에 연결할 수 없습니다. 네트워크를 확인하고 다시 시도해 주세요. 같은 요청이 두 번 처리되지 않습니다.',
    IDENTITY_REQUIRED: '이 페이지를 안내한 사이트에서 로그인한 뒤 다시 들어와 주세요.',
    IDENTITY_INVALID: '이 페이지를 안내한 사이트에서 다시 로그인한 뒤 들어와 주세요.',
    TOKEN_REQUIRED: '먼저 대기열에 들어가 주세요.',
    TOKEN_INVALID: '다시 대기열에 들어가 주세요.',
    TOKEN_EXPIRED: '다시 대기열에 들어가 주세요. 티켓은 그대로 있습니다.',
    NOT_YOUR_TURN: '차례를 기다려 주세요. 페이지가 자동으로 바뀝니다.',
    SEAT_HELD: '다른 좌석을 고르거나 잠시 기다려 주세요. 선점된 좌석이 풀릴 수 있습니다.',
    SEAT_SOLD: '다른 좌석을 골라 주세요.',
    ONE_SEAT_PER_DATE: '선점한 좌석을 결제하거나 먼저 취소해 주세요.',
    NOT_ON_SALE: '다른 날짜를 골라 주세요.',
    HOLD_EXPIRED: '좌석을 다시 선택해 주세요.',
    INSUFFICIENT_BALANCE: '지갑을 충전한 뒤 다시 결제해 주세요. 좌석은 그대로 선점되어 있습니다.',
    CHARGE_LIMIT: '더 적은 금액으로 나누어 충전해 주세요.',
    BALANCE_LIMIT: '지갑 보유 한도입니다. 지금 잔액으로 결제해 주세요.',
    RATE_LIMITED: '몇 초 뒤에 다시 시도해 주세요.',
    OVERLOADED: '몇 초 뒤에 다시 시도해 주세요. 같은 요청이 두 번 처리되지 않습니다.',
    other: '다시 시도해 주세요. 계속되면 잠시 후 다시 방문해 주세요.',
  },
};

const languages = { en, ko };
/** @typedef {keyof typeof languages} Language */

/** @returns {Language} */
export function language() {
  const chosen = read('language') ?? navigator.language.slice(0, 2);
  return chosen === 'ko' ? 'ko' : 'en';
}
/** @param {Language} to */
export function setLanguage(to) {
  write('language', to);
}
/** @returns {Text} */
export function text() {
  return languages[language()];
}

/** @param {number} won */
export function money(won) {
  return new Intl.NumberFormat(language(), { style: 'currency', currency: 'KRW' }).format(won);
}
/** @param {number} won */
export function shortMoney(won) {
  return new Intl.NumberFormat(language(), { notation: 'compact' }).format(won);
}
/** @param {number} n */
export function count(n) {
  return new Intl.NumberFormat(language()).format(n);
}
/** @param {string} date YYYY-MM-DD */
export function day(date) {
  const format = new Intl.DateTimeFormat(language(), { dateStyle: 'full', timeZone: 'UTC' });
  return format.format(new Date(`${date}T00:00:00Z`));
}
/** @param {string} date */
export function month(date) {
  return new Intl.DateTimeFormat(language(), { month: 'long', year: 'numeric', timeZone: 'UTC' }).format(new Date(`${date}T00:00:00Z`));
}
/** @param {string} date */
export function weekday(date) {
  return new Intl.DateTimeFormat(language(), { weekday: 'long', timeZone: 'UTC' }).format(new Date(`${date}T00:00:00Z`));
}
/** The day's number alone; its month stands above it. @param {string} date */
export function dayNumber(date) {
  return String(Number(date.slice(8)));
}
/** @param {string} time */
export function clock(time) {
  const format = new Intl.DateTimeFormat(language(), { timeStyle: 'short', timeZone: 'Asia/Seoul' });
  return format.format(new Date(time)).replaceAll(' ', '\u00a0');
}
/** @param {string} time */
export function moment(time) {
  const format = new Intl.DateTimeFormat(language(), { dateStyle: 'medium', timeStyle: 'short' });
  return format.format(new Date(time));
}
/** @param {number} ms */
export function countdown(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
