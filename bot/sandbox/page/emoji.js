/** `:name:` to character. The names people and apps use most, as Slack spells them. */

const TABLE = `
grinning 😀|smiley 😃|smile 😄|grin 😁|laughing 😆|satisfied 😆|sweat_smile 😅|rolling_on_the_floor_laughing 🤣|joy 😂
slightly_smiling_face 🙂|upside_down_face 🙃|wink 😉|blush 😊|innocent 😇|heart_eyes 😍|star-struck 🤩|kissing_heart 😘
yum 😋|stuck_out_tongue 😛|zany_face 🤪|hugging_face 🤗|thinking_face 🤔|shushing_face 🤫|neutral_face 😐|expressionless 😑
no_mouth 😶|smirk 😏|unamused 😒|face_with_rolling_eyes 🙄|grimacing 😬|relieved 😌|pensive 😔|sleepy 😪|sleeping 😴
mask 😷|dizzy_face 😵|exploding_head 🤯|partying_face 🥳|sunglasses 😎|nerd_face 🤓|face_with_monocle 🧐|confused 😕
worried 😟|slightly_frowning_face 🙁|open_mouth 😮|hushed 😯|astonished 😲|flushed 😳|pleading_face 🥺|fearful 😨
cold_sweat 😰|cry 😢|sob 😭|scream 😱|disappointed 😞|sweat 😓|weary 😩|tired_face 😫|triumph 😤|rage 😡|angry 😠
skull 💀|poop 💩|ghost 👻|alien 👽|robot_face 🤖|see_no_evil 🙈|hear_no_evil 🙉|speak_no_evil 🙊
heart ❤️|orange_heart 🧡|yellow_heart 💛|green_heart 💚|blue_heart 💙|purple_heart 💜|black_heart 🖤|broken_heart 💔
100 💯|boom 💥|dizzy 💫|sweat_drops 💦|dash 💨|zzz 💤|speech_balloon 💬|thought_balloon 💭|wave 👋|raised_hand ✋
hand ✋|vulcan_salute 🖖|ok_hand 👌|v ✌️|crossed_fingers 🤞|point_left 👈|point_right 👉|point_up 👆|point_down 👇
+1 👍|thumbsup 👍|-1 👎|thumbsdown 👎|fist ✊|facepunch 👊|clap 👏|raised_hands 🙌|open_hands 👐|handshake 🤝|pray 🙏
muscle 💪|brain 🧠|eyes 👀|eye 👁️|bust_in_silhouette 👤|busts_in_silhouette 👥|man-shrugging 🤷‍♂️|woman-shrugging 🤷‍♀️
shrug 🤷|technologist 🧑‍💻|detective 🕵️|construction_worker 👷|runner 🏃|dog 🐶|cat 🐱|mouse 🐭|fox_face 🦊|bear 🐻
panda_face 🐼|tiger 🐯|frog 🐸|monkey_face 🐵|penguin 🐧|bird 🐦|owl 🦉|bee 🐝|bug 🐛|butterfly 🦋|turtle 🐢|snake 🐍
octopus 🐙|whale 🐳|dolphin 🐬|unicorn_face 🦄|cactus 🌵|evergreen_tree 🌲|seedling 🌱|herb 🌿|four_leaf_clover 🍀
mushroom 🍄|sunflower 🌻|rose 🌹|cherry_blossom 🌸|earth_africa 🌍|earth_americas 🌎|globe_with_meridians 🌐
full_moon 🌕|sunny ☀️|star ⭐|star2 🌟|sparkles ✨|zap ⚡|fire 🔥|rainbow 🌈|cloud ☁️|rain_cloud 🌧️|snowflake ❄️
umbrella ☂️|ocean 🌊|droplet 💧|apple 🍎|lemon 🍋|pizza 🍕|cake 🍰|birthday 🎂|cookie 🍪|coffee ☕|tea 🍵|beer 🍺
tada 🎉|confetti_ball 🎊|balloon 🎈|gift 🎁|trophy 🏆|medal 🏅|first_place_medal 🥇|dart 🎯|game_die 🎲|jigsaw 🧩|art 🎨
airplane ✈️|small_airplane 🛩️|airplane_departure 🛫|airplane_arriving 🛬|rocket 🚀|helicopter 🚁|car 🚗|bus 🚌|train 🚆
ship 🚢|anchor ⚓|construction 🚧|vertical_traffic_light 🚦|rotating_light 🚨|house 🏠|office 🏢|factory 🏭|tent ⛺
watch ⌚|hourglass ⌛|hourglass_flowing_sand ⏳|alarm_clock ⏰|stopwatch ⏱️|timer_clock ⏲️|clock1 🕐|clock3 🕒|calendar 📅
date 📅|spiral_calendar_pad 🗓️|computer 💻|desktop_computer 🖥️|keyboard ⌨️|floppy_disk 💾|cd 💿|camera 📷|mag 🔍
mag_right 🔎|bulb 💡|flashlight 🔦|book 📖|books 📚|notebook 📓|page_facing_up 📄|page_with_curl 📃|newspaper 📰
bookmark 🔖|label 🏷️|moneybag 💰|credit_card 💳|chart_with_upwards_trend 📈|chart_with_downwards_trend 📉|bar_chart 📊
email 📧|envelope ✉️|incoming_envelope 📨|inbox_tray 📥|outbox_tray 📤|package 📦|mailbox 📫|pencil ✏️|pencil2 ✏️
memo 📝|file_folder 📁|open_file_folder 📂|card_index_dividers 🗂️|clipboard 📋|pushpin 📌|round_pushpin 📍|paperclip 📎
straight_ruler 📏|triangular_ruler 📐|scissors ✂️|card_file_box 🗃️|file_cabinet 🗄️|wastebasket 🗑️|lock 🔒|unlock 🔓
key 🔑|old_key 🗝️|hammer 🔨|hammer_and_wrench 🛠️|wrench 🔧|gear ⚙️|nut_and_bolt 🔩|link 🔗|chains ⛓️|toolbox 🧰
magnet 🧲|test_tube 🧪|petri_dish 🧫|dna 🧬|microscope 🔬|telescope 🔭|satellite_antenna 📡|thermometer 🌡️|shield 🛡️
bell 🔔|no_bell 🔕|loudspeaker 📢|mega 📣|mute 🔇|sound 🔉|musical_note 🎵|warning ⚠️|no_entry ⛔|no_entry_sign 🚫
x ❌|o ⭕|negative_squared_cross_mark ❎|white_check_mark ✅|heavy_check_mark ✔️|ballot_box_with_check ☑️|bangbang ‼️
exclamation ❗|heavy_exclamation_mark ❗|grey_exclamation ❕|question ❓|grey_question ❔|interrobang ⁉️|recycle ♻️
information_source ℹ️|sos 🆘|new 🆕|free 🆓|up 🆙|ok 🆗|cool 🆒|id 🆔|hash #️⃣|zero 0️⃣|one 1️⃣|two 2️⃣|three 3️⃣|four 4️⃣
five 5️⃣|six 6️⃣|seven 7️⃣|eight 8️⃣|nine 9️⃣|keycap_ten 🔟|arrow_up ⬆️|arrow_down ⬇️|arrow_left ⬅️|arrow_right ➡️
arrow_upper_right ↗️|arrow_lower_right ↘️|arrow_up_small 🔼|arrow_down_small 🔽|arrows_counterclockwise 🔄
arrows_clockwise 🔃|left_right_arrow ↔️|arrow_right_hook ↪️|leftwards_arrow_with_hook ↩️|rewind ⏪|fast_forward ⏩
arrow_forward ▶️|double_vertical_bar ⏸️|pause_button ⏸️|black_square_for_stop ⏹️|heavy_plus_sign ➕|heavy_minus_sign ➖
heavy_multiplication_x ✖️|infinity ♾️|red_circle 🔴|large_orange_circle 🟠|large_yellow_circle 🟡|large_green_circle 🟢
large_blue_circle 🔵|large_purple_circle 🟣|white_circle ⚪|black_circle ⚫|large_red_square 🟥|large_orange_square 🟧
large_yellow_square 🟨|large_green_square 🟩|large_blue_square 🟦|white_large_square ⬜|black_large_square ⬛
small_red_triangle 🔺|small_red_triangle_down 🔻|small_blue_diamond 🔹|small_orange_diamond 🔸|large_blue_diamond 🔷
radio_button 🔘|checkered_flag 🏁|triangular_flag_on_post 🚩|white_flag 🏳️|flag-se 🇸🇪|flag-us 🇺🇸|flag-jp 🇯🇵|flag-it 🇮🇹
flag-gb 🇬🇧|flag-de 🇩🇪|flag-fr 🇫🇷|us 🇺🇸|jp 🇯🇵|it 🇮🇹|gb 🇬🇧|de 🇩🇪|fr 🇫🇷|speaking_head_in_silhouette 🗣️|crown 👑
gem 💎|crystal_ball 🔮|compass 🧭|world_map 🗺️|mountain ⛰️|beach_with_umbrella 🏖️|sunrise 🌅|bridge_at_night 🌉
abacus 🧮|receipt 🧾|ticket 🎫|battery 🔋|electric_plug 🔌|bricks 🧱|ladder 🪜|broom 🧹|soap 🧼|adhesive_bandage 🩹
stethoscope 🩺|pill 💊|syringe 💉|eject ⏏️|tm ™️|copyright ©️|registered ®️|beginner 🔰|trident 🔱|sparkle ❇️
`;

const EMOJI = new Map(
  TABLE.trim()
    .split(/[|\n]/)
    .map((entry) => entry.trim().split(" "))
    .filter((entry) => entry.length === 2),
);
const TONES = { 2: "\u{1F3FB}", 3: "\u{1F3FC}", 4: "\u{1F3FD}", 5: "\u{1F3FE}", 6: "\u{1F3FF}" };

/** A name (colons left out) with an optional skin tone, or undefined when we do not know it. */
export function emojiFor(name, tone) {
  const character = EMOJI.get(name);
  return character && TONES[tone] ? character.replace(/\uFE0F/g, "") + TONES[tone] : character;
}

/** `1f680` or `1f1f8-1f1ea` as rich text carries it, to characters; null when it is not hexadecimal. */
export function emojiFromCodePoints(hex) {
  if (typeof hex !== "string" || !/^[0-9a-f]{2,6}(-[0-9a-f]{2,6})*$/i.test(hex)) return null;
  const points = hex.split("-").map((part) => Number.parseInt(part, 16));
  return points.every((point) => point <= 0x10ffff) ? String.fromCodePoint(...points) : null;
}

/** `:name:` or `:name::skin-tone-3:` at the start of what is left of a text. */
export const EMOJI_PATTERN = /:([a-z0-9_+'-]+):(?::skin-tone-([2-6]):)?/y;
