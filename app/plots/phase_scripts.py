"""What a diagram of phases does in the browser: words along borders, conditions under the pointer, a point in hand."""

# fig, source: labels along borders turn with them and stand outside, within the frame; those that are more than `slack`
# times as long as their border are left out.
ALONG = """
const W = fig.inner_width, H = fig.inner_height
if (!(W > 0 && H > 0)) return
const kx = W / (fig.x_range.end - fig.x_range.start), ky = H / (fig.y_range.end - fig.y_range.start)
const d = source.data, n = d.x.length, size = parseFloat(glyph.text_font_size?.value ?? glyph.text_font_size) || 12
const angle = [], dx = [], dy = [], text = []
for (let i = 0; i < n; i++) {
  const ax = d.ux[i] * kx, ay = d.uy[i] * ky, length = Math.hypot(ax, ay) || 1
  let turn = Math.atan2(ay, ax)
  if (turn > Math.PI / 2 + 1e-6) turn -= Math.PI
  if (turn <= -Math.PI / 2 + 1e-6) turn += Math.PI
  let nx = -ay / length, ny = ax / length
  if (nx * d.ox[i] * kx + ny * d.oy[i] * ky < 0) { nx = -nx; ny = -ny }
  angle.push(turn); dx.push(nx * 0.95 * size); dy.push(-ny * 0.95 * size)
  const long = d.full[i].length * size * 0.53
  text.push(long > slack * length ? "" : d.full[i])
  if (long <= length) continue
  const mx = (d.x[i] - fig.x_range.start) * kx
  const my = (d.y[i] - fig.y_range.start) * ky
  const ux = ax / length, uy = ay / length
  let low = -1e9, high = 1e9
  for (const [m, u, most] of [[mx, ux, W], [my, uy, H]]) {
    if (Math.abs(u) < 1e-6) continue
    const reach = long / 2 * Math.abs(u), ends = [(reach + 2 - m) / u, (most - reach - 2 - m) / u]
    low = Math.max(low, Math.min(...ends)); high = Math.min(high, Math.max(...ends))
  }
  if (low > high) { text[i] = ""; continue }
  const along = Math.min(Math.max(0, low), high)
  dx[i] += along * ux; dy[i] -= along * uy
}
const same = (a, b) => a.length === b.length && Array.from(a).every((v, i) => v === b[i])
if (!same(d.text, text) || !same(d.dx, dx) || !same(d.dy, dy) || !same(d.angle, angle))
  source.data = {...d, angle, dx, dy, text}
"""

# fig, small: what only a wide enough figure has room for.
ROOMY = """
const size = parseFloat(small[0].glyph.text_font_size?.value ?? small[0].glyph.text_font_size) || 12
if (fig.inner_width > 0) for (const part of small) part.visible = fig.inner_width > 28 * size
"""

# Conditions and their values where the pointer is.
CONDITIONS = """
const {x, y} = special_vars
const laws = (book.tags[1] !== null && x + y < book.tags[1]) ? book.tags[2] : book.tags[0]
const [xname, yname] = book.tags[3]
const shown = (v) => (Math.abs(v) < 0.005 ? 0 : v).toFixed(2).replace("-", "−")
const near = 0.006
const rows = [], state = {stable: true, nontrivial: false, features: false}
for (const law of laws) {
  const value = Math.min(...law.terms.map(([p, q, k]) => p * x + q * y + k))
  const tight = Math.abs(value - law.bound) < near
  const holds = tight || (law.relation === "≥" && value > law.bound)
  if (law.group === "stable" && !holds) state.stable = false
  if (law.group === "nontrivial" && holds) state.nontrivial = true
  if (law.group === "features" && holds) state.features = true
  rows.push([law.group, `${holds ? "✓" : "✕"} ${law.formula.padEnd(18)} ${shown(value).padStart(6)}`])
}
const moving = state.features ? "Feature learning" : "Kernel regime"
const phase = !state.stable ? "Unstable" : !state.nontrivial ? "Trivial" : moving
const of = (group) => rows.filter((row) => row[0] === group).map((row) => row[1]).join("\\n")
if (format === "phase") return phase
return `${xname} = ${shown(x)}, ${yname} = ${shown(y)}\\n\\nstable: all of\\n${of("stable")}\\n\\n` +
  `the function moves: one of\\n${of("nontrivial")}\\n\\nfeatures move\\n${of("features")}`
"""

TOOLTIP = """<div style="white-space: pre; font: 12px/16px ui-monospace, Menlo, 'DejaVu Sans Mono', monospace;
 font-variant-numeric: tabular-nums"><b>@sheet{phase}</b>
@sheet{conditions}</div>"""
ROW = """<div style="font: 12px/16px system-ui, sans-serif"><b>@n</b><br>change @words</div>"""
