import theme from "vitepress/theme";
// oxlint-disable-next-line import/no-unassigned-import -- A style sheet has nothing to assign.
import "./style.css";

export default theme;
