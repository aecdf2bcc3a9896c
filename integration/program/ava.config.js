// `npm test`: the tests of package.json's ava settings, by which single files are run (`npx ava FILE`).
import { ava, compiled } from "./compiled.js";

export default await compiled("test", ava.files);
